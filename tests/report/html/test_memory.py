from __future__ import annotations

import pytest

from hil.report.html.memory import OWNERS, memory_views
from tests.pages import page_runs


def test_no_part_of_a_memory_is_invented() -> None:
    runs = page_runs()
    record = runs[0].record
    assert record is not None
    metrics = record.metrics.model_copy(
        update={"flash_bytes": None, "stack_bytes": None, "arena_head_bytes": None}
        | {f"flash_{owner}_bytes": None for owner in OWNERS}
    )
    runs[0].record = record.model_copy(update={"metrics": metrics, "target": "unknown"})
    runs[0].target = "unknown"
    flash, static = memory_views(runs)[0].maps
    assert flash.title == "flash"
    assert flash.segments == ()
    assert static.title == "stack and variables: 4,332 bytes"
    assert [segment.kind for segment in static.segments] == ["static", "static"]


def test_memories_are_in_the_order_of_addresses() -> None:
    flash, static, arena = memory_views(page_runs())[0].maps
    assert [segment.name for segment in flash.segments][-1] == "free"
    assert [segment.kind for segment in static.segments] == ["free", "stack"] + 2 * ["static"] + [
        "free"
    ]
    assert [segment.kind for segment in arena.segments] == ["head", "free", "tail"]
    assert [segment.kind for segment in arena.used] == ["head", "tail"]
    assert sum(segment.share for segment in arena.used) == pytest.approx(1)
