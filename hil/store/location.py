"""Where the history is: `.hil/history.sqlite` of the project, or what the user says."""

from __future__ import annotations

from pathlib import Path

from hil.errors import StoreError

FOLDER = ".hil"
FILE = "history.sqlite"
SPOOL = "spool"
IGNORE_FILE = ".gitignore"


def is_url(location: str) -> bool:
    """Whether a location names a database, and no file."""
    return "://" in location


def default_location(root: Path) -> str:
    """The history of the project at `root`."""
    return str(root / FOLDER / FILE)


def project_root(start: Path) -> Path:
    """The nearest folder from `start` upward that has a `.hil`; `start` when none has."""
    for folder in (start, *start.parents):
        if (folder / FOLDER).is_dir():
            return folder
    return start


def existing_location(given: str | None) -> str:
    """The history that a command is to read. Raises StoreError when there is none."""
    location = given or default_location(project_root(Path.cwd()))
    if not is_url(location) and not Path(location).is_file():
        raise StoreError(
            f"there is no history {location}",
            hint="pytest --target NAME makes one; or give --store",
        )
    return location
