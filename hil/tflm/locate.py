"""Finds the TFLM tree to build from: a generation's pinned crate, a crate's file, or a folder."""

from __future__ import annotations

from pathlib import Path

from hil.errors import ConfigError
from hil.firmware.cache import Cache
from hil.tflm.choice import DEFAULT_GENERATION
from hil.tflm.crate import Crate, crate_tree
from hil.tflm.detect import detect_tree
from hil.tflm.generation import Generation
from hil.tflm.generation_2020 import GENERATION_2020
from hil.tflm.generation_2024 import GENERATION_2024
from hil.tflm.source import TflmSource

CRATE_SUFFIX = ".crate"
PINNED: dict[str, tuple[Generation, Crate]] = {
    "2024": (
        GENERATION_2024,
        Crate(
            name="pico-tflmicro-sys",
            version="0.1.0",
            sha256="90217322b7a16d2ff830e5bcb6b8025df792bc991db414dafadfafa29885e425",
            root="submodules/pico-tflmicro/src",
            dependencies={
                "anyhow": ("1.0.81", ()),
                "bindgen": ("0.63.0", ()),
                "cc": ("1.0.90", ("parallel",)),
                "cty": ("0.2.2", ()),
                "downloader": ("0.2.7", ()),
                "embuild": ("0.31.4", ("cmake", "espidf")),
                "walkdir": ("2.5.0", ()),
            },
        ),
    ),
    "2020": (
        GENERATION_2020,
        Crate(
            name="tfmicro",
            version="0.1.0",
            sha256="b2da8beabd85d11badfc2d603a31c9fb468702cda5fc034ac872fbaf43544e94",
            root="submodules/tensorflow",
            dependencies={
                "bindgen": ("0.53.2", ()),
                "cc": ("1.0.52", ("parallel",)),
                "cpp": ("0.5.5", ()),
                "cpp_build": ("0.5.4", ()),
                "cty": ("0.2.1", ()),
                "error-chain": ("0.12.2", ()),
                "fs_extra": ("1.1.0", ()),
                "glob": ("0.3.0", ()),
                "log": ("0.4.8", ()),
                "managed": ("0.7.0", ("alloc", "std")),
                "ordered-float": ("1.0.0", ()),
            },
        ),
    ),
}


def generation_named(wanted: str | Path | None = None) -> Generation:
    """The generation that `locate_tflm` would find, without fetching anything.

    Raises ConfigError.
    """
    name = str(wanted) if wanted is not None else DEFAULT_GENERATION
    if name in PINNED:
        return PINNED[name][0]
    path = Path(name)
    if path.suffix == CRATE_SUFFIX and path.is_file():
        return _crate_named(path)[0]
    return _from_folder(path).generation


def locate_tflm(wanted: str | Path | None = None, cache: Cache | None = None) -> TflmSource:
    """The tree of a generation ("2024", "2020"), of a crate's file, or in a folder of the user's.

    Raises ConfigError when `wanted` is none of them, BuildError when the crate cannot be had.
    """
    name = str(wanted) if wanted is not None else DEFAULT_GENERATION
    if name in PINNED:
        generation, crate = PINNED[name]
        return TflmSource(crate_tree(crate, cache or Cache()), crate.origin, generation)
    path = Path(name)
    if path.suffix == CRATE_SUFFIX and path.is_file():
        generation, crate = _crate_named(path)
        return TflmSource(crate_tree(crate, cache or Cache(), path), crate.origin, generation)
    return _from_folder(path)


def _crate_named(path: Path) -> tuple[Generation, Crate]:
    for generation, crate in PINNED.values():
        if path.name == crate.file_name:
            return generation, crate
    names = " or ".join(crate.file_name for _, crate in PINNED.values())
    raise ConfigError(f"{path.name} is no crate that hil knows", hint=f"it takes {names}")


def _from_folder(folder: Path) -> TflmSource:
    if not folder.is_dir():
        raise ConfigError(
            f"there is no TFLM {str(folder)!r}",
            hint=f"generations: {', '.join(PINNED)}; or the path of a folder or a .crate file",
        )
    found = detect_tree(folder)
    found.require_usable()
    return TflmSource(found.root, f"folder {folder.name}", found.generation)
