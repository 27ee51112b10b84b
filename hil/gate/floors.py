"""Noise floors from the history: what the same image on the same board differs by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hil.gate.entry import BaselineEntry
from hil.gate.noise import NoiseFloor, noise_floor
from hil.gate.quantity import QUANTITIES, Dimension
from hil.record import RunRecord

Floors = Mapping[str, Mapping[str, NoiseFloor]]


def noise_floors(records: Iterable[RunRecord]) -> Floors:
    """Floors by target and quantity, of runs in their order.

    Runs of one image, on one board, with the same data are A/A: what they differ by is noise.
    """
    groups: dict[str, dict[tuple[str, ...], list[BaselineEntry]]] = {}
    for record in records:
        entry = BaselineEntry.of(record)
        key = (record.board, entry.subject.build_id, entry.condition.data_sha256)
        groups.setdefault(record.target, {}).setdefault(key, []).append(entry)
    return {target: dict(_of_target(list(found.values()))) for target, found in groups.items()}


def _of_target(groups: list[list[BaselineEntry]]) -> Iterable[tuple[str, NoiseFloor]]:
    for quantity in QUANTITIES.values():
        if quantity.dimension is not Dimension.LATENCY:
            continue
        values = [[quantity.value(entry) for entry in group] for group in groups]
        floor = noise_floor([[v for v in group if v] for group in values])
        if floor is not None:
            yield quantity.name, floor
