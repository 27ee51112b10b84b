"""Writing results: a regular file appears whole or not at all, anything else is written through."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hil.errors import ConfigError


def check_writable(path: Path) -> None:
    """Finds out before the work that its result could not be kept. Raises ConfigError."""
    folder = path.resolve().parent
    if path.is_dir():
        raise ConfigError(f"cannot write {path}", hint="it is a folder")
    if not folder.is_dir():
        raise ConfigError(f"cannot write {path}", hint="its folder does not exist")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ConfigError(f"cannot write {path}", hint="no permission")


def write_whole(path: Path, content: bytes) -> None:
    """Writes by way of a temporary file beside `path`, through symbolic links.

    Devices and pipes are written as they are. Raises ConfigError; an old file is kept then.
    """
    target = path.resolve()
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as stream:
                stream.write(content)
            return
        handle, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(draft).chmod(0o644)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from error
