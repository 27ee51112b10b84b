"""The TFLM source tree: the pinned crate, or a lab's own folder of the same generation."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hil.errors import BuildError, ConfigError
from hil.firmware import toolchain
from hil.resources import firmware_harness_dir
from hil.vocab import KernelLibrary

CRATE = "tfmicro"
CRATE_ROOT = Path("submodules/tensorflow")
# Cargo only needs some platform to leave out the dependencies of all others.
CRATE_PLATFORM = "x86_64-unknown-linux-gnu"
FETCH_TIMEOUT_S = 300.0
ERROR_LINES = 6
MICRO = Path("tensorflow/lite/micro")
RESOLVER_TABLE = MICRO / "kernels/all_ops_resolver.cc"
GENERATION = "2020 (TensorFlow 2.3)"
SOURCE_SUFFIXES = frozenset({".h", ".hpp", ".c", ".cc", ".inc"})


@dataclass(frozen=True)
class TflmSource:
    """A TFLM tree. `root` holds `tensorflow/`; `origin` says where it came from."""

    root: Path
    origin: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all its sources, by relative path and content."""
        return _digest(self._file_digests)

    def library_digest(self, kernels: KernelLibrary) -> str:
        """SHA-256 of the sources that a kernel library is made of: not those of the others."""
        others = [
            f"{MICRO}/kernels/{library.value}/"
            for library in KernelLibrary
            if library is not kernels
        ]
        return _digest(
            {
                name: digest
                for name, digest in self._file_digests.items()
                if not name.startswith(tuple(others))
            }
        )

    @cached_property
    def _file_digests(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).digest()
            for path in sorted(self.root.rglob("*"))
            if path.suffix in SOURCE_SUFFIXES and path.is_file()
        }

    @cached_property
    def operators(self) -> dict[str, int]:
        """Operators it has kernels for, with the highest version its own table registers."""
        table = (self.root / RESOLVER_TABLE).read_text(encoding="utf-8")
        return parse_resolver_table(table)

    @cached_property
    def kernel_files(self) -> frozenset[str]:
        """Names of the source files that hold kernels."""
        return frozenset(path.name for path in (self.root / MICRO / "kernels").rglob("*.cc"))

    def kernel_libraries(self) -> tuple[KernelLibrary, ...]:
        """The kernel libraries that can be built from it."""
        return tuple(
            library
            for library in KernelLibrary
            if library is KernelLibrary.REFERENCE
            or (self.root / MICRO / "kernels" / library.value).is_dir()
        )


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()


def parse_resolver_table(text: str) -> dict[str, int]:
    """Operator names and highest versions in an `all_ops_resolver.cc` of this generation."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    entry = re.compile(
        r"AddBuiltin\(\s*BuiltinOperator_(\w+)\s*,\s*Register_\w+\(\)"
        r"(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?\s*\)"
    )
    return {name: int(last or first or 1) for name, first, last in entry.findall(text)}


def locate_tflm(folder: Path | None = None) -> TflmSource:
    """The tree in `folder`, or the pinned crate's, fetched by cargo when it is not there yet.

    Raises ConfigError when the folder is no TFLM of this generation, BuildError when the crate
    cannot be had.
    """
    if folder is not None:
        return _check(TflmSource(_find_root(folder), f"folder {folder.name}"), str(folder))
    lock = firmware_harness_dir() / "tflm" / "Cargo.lock"
    version = re.search(rf'name = "{CRATE}"\nversion = "([^"]+)"', lock.read_text())
    origin = f"{CRATE} {version[1] if version else '?'}"
    return _check(TflmSource(_fetch_crate() / CRATE_ROOT, origin), CRATE)


def _find_root(folder: Path) -> Path:
    for candidate in (folder, folder / CRATE_ROOT):
        if (candidate / MICRO).is_dir():
            return candidate.resolve()
    raise ConfigError(
        f"{folder} holds no TFLM: there is no {MICRO} in it",
        hint="point --hil-tflm at the folder that holds tensorflow/",
    )


def _check(source: TflmSource, where: str) -> TflmSource:
    if not (source.root / RESOLVER_TABLE).is_file():
        raise ConfigError(
            f"the TFLM in {where} is not of generation {GENERATION}",
            hint="newer trees have no micro/kernels/all_ops_resolver.cc and need another "
            "tflm_compat.h",
        )
    return source


def _fetch_crate() -> Path:
    cargo = toolchain.require("cargo")
    manifest = firmware_harness_dir() / "tflm" / "Cargo.toml"
    command = [cargo, "metadata", "--locked", "--format-version", "1"]
    command += ["--filter-platform", CRATE_PLATFORM, "--manifest-path", str(manifest)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"cargo did not fetch {CRATE} within {FETCH_TIMEOUT_S:g} s",
            hint="is there a way to the crate registry from here?",
            step="fetch TFLM",
        ) from error
    if done.returncode:
        raise BuildError(
            f"cargo cannot fetch {CRATE}",
            hint="the first build needs the crate registry; cargo must be 1.70 or newer",
            step="fetch TFLM",
            detail=_cargo_errors(done.stderr),
        )
    packages = json.loads(done.stdout)["packages"]
    manifest_path = next(p["manifest_path"] for p in packages if p["name"] == CRATE)
    return Path(manifest_path).parent


def _cargo_errors(text: str) -> str:
    """What cargo says from its first error on; a backtrace says less."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("error")), 0)
    return "\n".join(lines[start : start + ERROR_LINES])
