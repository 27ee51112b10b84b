from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from hil.arena import ArenaTruth
from hil.firmware.footprint import Footprint, Owner
from hil.firmware.image import ImageSizes
from hil.report.arena import print_arena

SIZES = ImageSizes(5000, 2000, 3000, 100, 1024, 4096, 2990, 10, 90)
FOOTPRINT = Footprint({Owner.MODEL: 2000, Owner.KERNELS: 2900}, {Owner.HARNESS: 96})
TRUTH = ArenaTruth(
    minimum_bytes=1600,
    used_bytes=1600,
    head_bytes=600,
    tail_bytes=1000,
    capacity_bytes=4096,
    touched_after_allocate_bytes=1500,
    touched_after_inference_bytes=1600,
    stack_bytes=1024,
    stack_used_bytes=512,
    allocations=9,
)


def printed(truth: ArenaTruth, footprint: Footprint = FOOTPRINT) -> str:
    console = Console(width=80)
    with console.capture() as capture:
        print_arena(console, truth, footprint, SIZES)
    return capture.get()


@pytest.mark.parametrize(
    ("minimum", "touched", "said"),
    [
        (1584, 1500, "-16 bytes; the interpreter works in less than it reports"),
        (1600, 1500, "+0 bytes; what is reported is enough\n"),
        (1664, 1500, "+64 bytes; less does not work, though no more than what is reported"),
        (1664, 1632, "+64 bytes; the allocation wrote to more"),
    ],
)
def test_the_difference_to_what_is_reported_is_explained_by_what_was_seen(
    minimum: int, touched: int, said: str
) -> None:
    text = printed(replace(TRUTH, minimum_bytes=minimum, touched_after_allocate_bytes=touched))
    assert said in text
    assert ("planner" in text) == (touched > TRUTH.used_bytes)


def test_rounding_up_is_said() -> None:
    text = printed(replace(TRUTH, used_bytes=1590))
    assert "+10 bytes; what is reported is enough, rounded up" in text


def test_what_no_owner_has_is_called_alignment() -> None:
    row = next(line for line in printed(TRUTH).splitlines() if "alignment" in line)
    assert row.split() == ["alignment", "100", "4"]


def test_without_a_map_there_is_a_reason_instead_of_owners() -> None:
    text = printed(TRUTH, Footprint({}, {}))
    assert "who owns them is not known: the linker map accounts for 0 of 5,000 bytes" in text
    assert "alignment" not in text


def test_sections_stand_in_a_table() -> None:
    lines = [line.split() for line in printed(TRUTH).splitlines()]
    assert [".model", "2,000", "flash"] in lines
    assert [".data", "10", "flash", "and", "RAM"] in lines
    assert [".arena", "4,096", "RAM"] in lines
