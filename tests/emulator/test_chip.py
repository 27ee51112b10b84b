from __future__ import annotations

from itertools import pairwise

import pytest

from hil.emulator.board import parse_pin
from hil.emulator.chip import chip_names, load_chip
from hil.errors import ConfigError


@pytest.mark.parametrize("name", chip_names())
def test_every_chip_loads(name: str) -> None:
    chip = load_chip(name)
    assert chip.name == name
    flash = next(memory for memory in chip.memories if memory.base == chip.flash_base)
    assert sum(chip.flash_sector_bytes) == flash.bytes


def test_the_f746_is_what_its_manual_says() -> None:
    chip = load_chip("stm32f746")
    ram = next(memory for memory in chip.memories if memory.name == "ram")
    assert ram.bytes == 320 << 10
    assert chip.usart("usart1").rx_pins["PB7"] == 7
    assert len([p for p in chip.peripherals if p.kind == "gpio"]) == 11


def test_peripherals_do_not_overlap() -> None:
    blocks = sorted((p.base, p.bytes) for p in load_chip("stm32f746").peripherals)
    for (base, size), (following, _) in pairwise(blocks):
        assert base + size <= following


def test_an_unknown_chip_names_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        load_chip("stm32f764")
    assert "stm32f746" in caught.value.hint


def test_an_unknown_serial_port_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no USART9"):
        load_chip("stm32f746").usart("USART9")


@pytest.mark.parametrize("pin", ["A9", "PZ1", "PA16", "PA", ""])
def test_what_is_no_pin_is_refused(pin: str) -> None:
    with pytest.raises(ConfigError, match="is no pin"):
        parse_pin(pin)


def test_pins_have_port_and_number() -> None:
    assert parse_pin("PB7") == (1, 7)
