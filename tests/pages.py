"""Pages of the HTML report, made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from hil.gate.baseline import Baseline
from hil.gate.entry import BaselineEntry
from hil.gate.gate import Gate
from hil.record import OperatorFigures, RunResult, Verdict
from hil.report.html.page import Page
from hil.store.history import HistoryPoint
from hil.tflm.kernels import REFERENCE
from hil.vocab import CheckName, Kind, RunOrigin, Scheme, Status
from tests.outcomes import make_comparison
from tests.runs import scheme_run, unsupported_run

OUTPUTS = np.arange(40, dtype=np.int8).reshape(4, 10)
OPERATORS = tuple(
    OperatorFigures(
        index=index,
        name=name,
        output=f"t{index}",
        shape=(1, 10),
        count=count,
        macs=100 * index,
        weights_bytes=10,
    )
    for index, (name, count) in enumerate([("CONV_2D", 700), ("SOFTMAX", 300)])
)
MEMORY: dict[str, Any] = {
    "arena_head_bytes": 3000,
    "arena_tail_bytes": 2000,
    "arena_capacity_bytes": 262_144,
    "stack_bytes": 16_384,
    "stack_used_bytes": 844,
    "ram_data_bytes": 344,
    "ram_bss_bytes": 3988,
    "flash_kernels_bytes": 20_000,
    "flash_interpreter_bytes": 20_000,
    "flash_harness_bytes": 6000,
    "flash_library_bytes": 5000,
}


def page_runs(**changes: Any) -> list[RunResult]:
    """float32 and int8 measured, int16x8 unsupported; all that a record can hold is in them."""
    runs: list[RunResult] = []
    costs_of = {Scheme.FLOAT32: (1200, 9000, 90_000), Scheme.INT8: (1000, 5000, 70_000)}
    for scheme, costs in costs_of.items():
        run = scheme_run(
            scheme,
            (1, 0, 1, 1),
            costs=costs,
            run_id=f"20260101T000000-{len(runs):08x}",
            operators=OPERATORS,
            kernel_flash_bytes={"conv.cc": 5000},
            confusion=((2, 0), (1, 1)),
            comparisons={
                "tflm": make_comparison(OUTPUTS, OUTPUTS),
                "litert": make_comparison(OUTPUTS, OUTPUTS[::-1].copy()),
            },
            absent={"latency_p99_instructions": "fewer than 1000 samples say nothing of it"},
            **changes,
        )
        assert run.record is not None
        metrics = run.record.metrics.model_copy(update=MEMORY)
        run.record = run.record.model_copy(update={"metrics": metrics})
        runs.append(run)
    return [*runs, unsupported_run(Scheme.INT16X8)]


def slower_since() -> tuple[list[RunResult], Gate]:
    """Runs of which int8 is slower than its baseline, and the gate that says so."""
    runs = page_runs()
    entries = []
    for run in runs[:2]:
        assert run.record is not None
        entry = BaselineEntry.of(run.record)
        if run.record.scheme is Scheme.INT8:
            metrics = entry.metrics.model_copy(update={"latency_median_instructions": 900.0})
            older = OPERATORS[0].model_copy(update={"count": 600})
            entry = entry.model_copy(
                update={"metrics": metrics, "operators": (older, OPERATORS[1])}
            )
        entries.append(entry)
    gate = Gate(Baseline("nightly", tuple(entries)))
    for run in runs[:2]:
        assert run.record is not None
        own = Verdict(check=CheckName.LATENCY, status=Status.PASS, reason="within its limit")
        run.verdicts[CheckName.LATENCY] = gate.judge(own, run.record)
    return runs, gate


def nights(count: int, models: int = 6) -> list[HistoryPoint]:
    """`count` runs, newest first, one of each model a night."""
    points = []
    for number in range(count):
        night, model = divmod(number, models)
        started = datetime(2026, 11, 25, 3, tzinfo=UTC) - timedelta(days=night)
        points.append(
            HistoryPoint(
                run_id=f"run-{number}",
                session_id=f"session-{night}",
                started_utc=started.isoformat(timespec="seconds"),
                origin=RunOrigin.SUITE,
                suite="har",
                model=f"model{model}",
                scheme=Scheme.INT8,
                target="stm32f746",
                board="emu",
                kind=Kind.EMULATED,
                kernels=REFERENCE,
                status=Status.FAIL if night == 40 else Status.PASS,
                reason="",
                source_commit=f"{night // 4:x}".ljust(40, "0"),
                build_id=f"{night // 4:040x}",
                accuracy=0.85,
                latency=1_700_000.0 + 1000 * (night // 20) + model,
                latency_ms=None,
                arena_bytes=8624,
                flash_bytes=76_216,
            )
        )
    return points


def many_runs(count: int) -> list[RunResult]:
    """`count` runs of suites with two that can run and one that cannot."""
    suites = range(-(-count // 3))
    return [run for n in suites for run in page_runs(suite=f"s{n}", model=f"model{n}")][:count]


def make_page(history: int = 60) -> Page:
    """A page with everything on it."""
    runs, gate = slower_since()
    return Page(
        runs=runs,
        created_utc="2026-11-25T03:00:00+00:00",
        title="har on stm32f746",
        held=gate.held(runs),
        notes=["vanished: the baseline has gone (int8, reference) of har on stm32f746"],
        history=nights(history),
        facts={"host": "bench", "command": "pytest --target stm32f746"},
    )
