"""What of a run becomes an entry."""

from __future__ import annotations

from hil.gate.entry import BaselineEntry
from tests.entries import hardware_record, make_entry


def test_impossible_samples_are_left_out_as_in_the_metrics() -> None:
    record = hardware_record([1000, 99_999, 1002])
    samples = record.samples.model_copy(update={"latency_impossible": (1,)})
    entry = BaselineEntry.of(record.model_copy(update={"samples": samples}))
    assert entry.samples == (1000, 1002)


def test_counts_of_emulated_boards_need_no_samples() -> None:
    assert make_entry().samples is None
