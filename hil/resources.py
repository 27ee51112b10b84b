"""Where targets, suites and firmware are: the user's folder, the package, the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent
TARGETS = "targets"
SUITES = "suites"
FIRMWARE_HARNESS = "firmware_harness"
TEMPLATES = Path("reports") / "templates"


def roots(user_dir: Path | None = None) -> Iterator[Path]:
    """Folders that may hold resources, the first one wins."""
    yield user_dir or Path.cwd()
    yield PACKAGE_DIR / "_data"
    yield PACKAGE_DIR.parent


def find(kind: str, name: str, user_dir: Path | None = None) -> Path | None:
    """The file or folder `name` of a kind ("targets", "suites"), or None."""
    for root in roots(user_dir):
        path = root / kind / name
        if path.exists():
            return path
    return None


def names(kind: str, pattern: str, user_dir: Path | None = None) -> dict[str, Path]:
    """All resources of a kind that match `pattern`, by stem; earlier roots hide later ones."""
    found: dict[str, Path] = {}
    for root in roots(user_dir):
        for path in sorted((root / kind).glob(pattern)):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def templates_dir() -> Path:
    """The folder of the reports' templates. Part of every installation."""
    for root in (PACKAGE_DIR / "_data", PACKAGE_DIR.parent):
        path = root / TEMPLATES
        if path.is_dir():
            return path
    raise FileNotFoundError("this installation of tflm-hil has no reports/templates folder")


def firmware_harness_dir() -> Path:
    """The folder of the firmware's sources. Part of every installation."""
    for root in (PACKAGE_DIR / "_data", PACKAGE_DIR.parent):
        path = root / FIRMWARE_HARNESS
        if (path / "CMakeLists.txt").is_file():
            return path
    raise FileNotFoundError("this installation of tflm-hil has no firmware_harness folder")
