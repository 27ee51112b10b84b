"""Crates that hold a TFLM tree: fetched by the ordinary cargo, checked by their SHA-256, unpacked.

Cargo downloads the dependencies of what it fetches as well, here up to 188 crates that only build
scripts would need. Empty crates of ours take the place of the direct ones, so that the crate itself
is all that is downloaded; the user's own settings for mirrors apply.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.errors import BuildError, ConfigError
from hil.firmware.cache import Cache
from hil.firmware.toolchain import require

FETCH_TIMEOUT_S = 300.0
ERROR_LINES = 6
CACHE_KIND = "source"


@dataclass(frozen=True)
class Crate:
    """A crate: `root` is the tree's folder in it, `dependencies` are its direct ones as
    (version, features) by name.
    """

    name: str
    version: str
    sha256: str
    root: str
    dependencies: Mapping[str, tuple[str, tuple[str, ...]]]

    @property
    def file_name(self) -> str:
        """Name of the file that a registry serves."""
        return f"{self.name}-{self.version}.crate"

    @property
    def origin(self) -> str:
        """Its name and version."""
        return f"{self.name} {self.version}"


def crate_tree(crate: Crate, cache: Cache, file: Path | None = None) -> Path:
    """The folder of the crate's TFLM tree in the cache: from `file`, else fetched by cargo.

    Raises ConfigError when `file` is not this crate, BuildError when it cannot be had.
    """

    def unpack(draft: Path) -> None:
        archive = file if file is not None else _fetch(crate)
        _check(crate, archive)
        with tarfile.open(archive) as tar:
            # extractall(filter=...) came with Python 3.11.4; Debian 12 has 3.11.2.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(draft)

    folder = cache.get(CACHE_KIND, crate.sha256[:32], unpack)
    return folder / f"{crate.name}-{crate.version}" / crate.root


def _check(crate: Crate, archive: Path) -> None:
    try:
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"cannot read {archive}: {error.strerror or error}") from error
    if found != crate.sha256:
        raise ConfigError(
            f"{archive.name} is not {crate.origin}: its SHA-256 is {found}",
            hint=f"{crate.file_name} has {crate.sha256}",
        )


def _fetch(crate: Crate) -> Path:
    """The crate's file in cargo's own cache."""
    bring = f"or bring {crate.file_name} (SHA-256 {crate.sha256}) and name it as the TFLM to use"
    with tempfile.TemporaryDirectory(prefix="hil-crate-") as folder:
        manifest = _write_manifest(crate, Path(folder))
        command = [require("cargo"), "fetch", "--manifest-path", str(manifest)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BuildError(
                f"cargo did not fetch {crate.name} within {FETCH_TIMEOUT_S:g} s",
                hint=f"can this host reach the crate registry? {bring}",
                step="fetch TFLM",
            ) from error
    if done.returncode:
        raise BuildError(
            f"cargo cannot fetch {crate.name}",
            hint="the first build needs the crate registry, and cargo 1.70 or newer; " + bring,
            step="fetch TFLM",
            detail=_cargo_errors(done.stderr),
        )
    return _downloaded(crate, bring)


def _downloaded(crate: Crate, bring: str) -> Path:
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for path in sorted((home / "registry" / "cache").glob(f"*/{crate.file_name}")):
        if hashlib.sha256(path.read_bytes()).hexdigest() == crate.sha256:
            return path
    raise BuildError(
        f"cargo fetched {crate.name}, but keeps no {crate.file_name} of the expected SHA-256",
        hint=bring,
        step="fetch TFLM",
    )


def _write_manifest(crate: Crate, folder: Path) -> Path:
    lines = [
        *_package("tflm-source", "0.0.0"),
        "[dependencies]",
        f'{crate.name} = "={crate.version}"',
        "[patch.crates-io]",
    ]
    for name, (version, features) in crate.dependencies.items():
        lines.append(f'{name} = {{ path = "{name}" }}')
        package = [*_package(name, version), "[features]", *(f"{each} = []" for each in features)]
        _write_package(folder / name, package)
    return _write_package(folder, lines)


def _package(name: str, version: str) -> list[str]:
    return ["[package]", f'name = "{name}"', f'version = "{version}"', 'edition = "2018"']


def _write_package(folder: Path, lines: list[str]) -> Path:
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / "lib.rs").write_text("")
    manifest = folder / "Cargo.toml"
    manifest.write_text("\n".join(lines) + "\n")
    return manifest


def _cargo_errors(text: str) -> str:
    """What cargo says from its first error on; a backtrace says less."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("error")), 0)
    return "\n".join(lines[start : start + ERROR_LINES])
