"""How large the cache may get."""

from __future__ import annotations

import os
import re

from hil.errors import ConfigError

MAX_BYTES_VARIABLE = "HIL_CACHE_MAX_BYTES"
DEFAULT_MAX_BYTES = 2 * 1024**3
_UNITS = {
    "": 1,
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}


def parse_bytes(text: str) -> int:
    """A size in bytes: `500000000`, `500 MB` or `2GiB`. Raises ConfigError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].upper() not in _UNITS:
        raise ConfigError(
            f"{text!r} is not a size", hint="write bytes as in 500000000, or 500MB, 2GiB"
        )
    return int(float(match[1]) * _UNITS[match[2].upper()])


def max_bytes_from_environment(default: int = DEFAULT_MAX_BYTES) -> int:
    """The limit of the cache in bytes, `default` where the environment sets none.

    Raises ConfigError for an unusable one.
    """
    text = os.environ.get(MAX_BYTES_VARIABLE)
    if not text:
        return default
    try:
        return parse_bytes(text)
    except ConfigError as error:
        raise ConfigError(f"{MAX_BYTES_VARIABLE}: {error.message}", hint=error.hint) from error
