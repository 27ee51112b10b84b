"""Noise floors from the history."""

from __future__ import annotations

import pytest

from hil.gate.floors import noise_floors
from hil.record import RunRecord
from tests.entries import hardware_record


def runs(*medians: int, **changes: object) -> list[RunRecord]:
    return [hardware_record([median] * 9, **changes) for median in medians]


def test_runs_of_one_image_on_one_board_give_the_floor_of_its_target() -> None:
    floors = noise_floors(runs(1000, 1002, 1001, 1004))
    floor = floors["stm32f746"]["latency.median"]
    assert floor.change == pytest.approx(3 / 1001)
    assert floor.pairs == 3


def test_another_image_board_or_target_is_no_a_a_pair() -> None:
    mixed = [
        *runs(1000, 1001),
        *runs(5000, 5005, board="other board"),
        *runs(9000, 9009, target="other target"),
    ]
    floors = noise_floors(mixed)
    assert "latency.median" not in floors["other target"]
    assert "latency.median" not in floors["stm32f746"]  # two pairs are too few
    more = noise_floors([*mixed, *runs(5005, board="other board")])
    assert more["stm32f746"]["latency.median"].change == pytest.approx(0.001)
