"""Fetches the pinned TFLM trees into the cache: `python -m hil.tflm [2024 | 2020 ...]`."""

from __future__ import annotations

import sys

from hil.errors import HilError
from hil.tflm.locate import PINNED, locate_tflm


def main(names: list[str]) -> int:
    """Fetches the generations of those names, all without one."""
    try:
        for name in names or PINNED:
            locate_tflm(name)
    except HilError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
