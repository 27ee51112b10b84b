"""Targets that pyOCD 0.46 lacks and that need no vendor pack, for real and emulated boards alike.

Each takes the flash algorithm of a built-in sibling and its own memory map.
"""

from __future__ import annotations

from pyocd.core.memory_map import FlashRegion, MemoryMap, RamRegion
from pyocd.target import TARGET
from pyocd.target.builtin.target_STM32F767xx import FLASH_ALGO, STM32F767xx

PAGE_BYTES = 0x400


def _flash(start: int, length: int, sector_size: int, boot: bool = False) -> FlashRegion:
    return FlashRegion(
        start=start,
        length=length,
        sector_size=sector_size,
        page_size=PAGE_BYTES,
        is_boot_memory=boot,
        algo=FLASH_ALGO,
    )


class STM32F746xG(STM32F767xx):
    """STM32F745xG, F746xG, F756xG: the F7 flash algorithm with this part's sectors (RM0385 3.3)."""

    MEMORY_MAP = MemoryMap(
        _flash(0x08000000, 0x20000, 0x8000, boot=True),
        _flash(0x08020000, 0x20000, 0x20000),
        _flash(0x08040000, 0xC0000, 0x40000),
        RamRegion(start=0x20000000, length=0x50000),
    )

    def post_connect_hook(self) -> None:
        """The sibling's hook looks for dual-bank flash, which this part does not have."""


def register_targets() -> None:
    """Adds the targets to pyOCD's table. Calling it again changes nothing."""
    TARGET.setdefault("stm32f746xg", STM32F746xG)
