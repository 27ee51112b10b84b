from __future__ import annotations

import re

import pytest

from hil.firmware.target_files import config_header, cpu_flags, memory_script
from hil.target import Target


def placed(target: Target, arena: str) -> Target:
    return target.model_copy(
        update={"placement": target.placement.model_copy(update={"arena": arena})}
    )


def test_the_header_carries_clock_and_pins(target: Target) -> None:
    header = config_header(target)
    for line in (
        "HIL_CLOCK_PLL_N 432u",
        "HIL_SERIAL_TX_PORT 0u",
        "HIL_SERIAL_TX_PIN 9u",
        "HIL_SERIAL_RX_PORT 1u",
        "HIL_SERIAL_RX_PIN 7u",
        "HIL_SERIAL_BAUD 921600u",
    ):
        assert f"#define {line}" in header


def test_cpu_flags_follow_the_core(target: Target) -> None:
    assert cpu_flags(target) == [
        "-mcpu=cortex-m7",
        "-mthumb",
        "-mfpu=fpv5-sp-d16",
        "-mfloat-abi=hard",
    ]
    soft = target.model_copy(update={"mcu": target.mcu.model_copy(update={"fpu": None})})
    assert "-mfloat-abi=soft" in cpu_flags(soft)


@pytest.mark.parametrize(
    ("arena", "data_region", "arena_region", "length"),
    [
        ("sram", "DTCM", "SRAM", 0x40000),
        ("dtcm", "DTCM", "DTCM", 0x10000),
        ("all", "RAM", "RAM", 0x50000),
    ],
)
def test_the_arena_goes_where_the_target_says(
    target: Target, arena: str, data_region: str, arena_region: str, length: int
) -> None:
    script = memory_script(placed(target, arena))
    assert f'REGION_ALIAS("DATA", {data_region})' in script
    assert f'REGION_ALIAS("ARENA", {arena_region})' in script
    region = re.search(rf"{arena_region} \(rw\) : ORIGIN = \S+, LENGTH = (\S+)", script)
    assert region
    assert int(region[1], 0) == length
