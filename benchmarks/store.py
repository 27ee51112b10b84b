"""The history of years: 10,000 runs with 400 samples each."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.figure import Figure, seconds
from hil.gate.baseline import Baseline, save_baseline
from hil.gate.entry import BaselineEntry
from hil.record import RunRecord, Samples
from hil.store.store import Store, open_store
from hil.store.stored import StoredRun
from tests.entries import changed_record
from tests.stored import SESSION, make_run

RUNS, SAMPLES, MODELS = 10_000, 400, 12
INSERT_LIMIT_S, HISTORY_LIMIT_S, FILE_LIMIT_MB, DIFF_LIMIT_S = 0.005, 0.5, 150.0, 0.3
ENTRIES = 100


def figures() -> Iterator[Figure]:
    """Inserts, the file, `hil history` and `hil baseline diff` as whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        store = open_store(str(path))
        times = [_insert(store, number) for number in range(RUNS)]
        store.close()
        yield Figure("insert of a run", "s", times, INSERT_LIMIT_S)
        yield Figure("file of 10,000 runs", "MB", [_megabytes(path)], FILE_LIMIT_MB)
        command = ["history", "--store", str(path)]
        yield Figure("hil history", "s", seconds(lambda: _hil(command), 7), HISTORY_LIMIT_S)
        home = Path(folder) / "baselines"
        save_baseline(home, _baseline("old", 0))
        save_baseline(home, _baseline("new", 1))
        diff = ["baseline", "diff", "old", "new", "--baselines", str(home)]
        what = f"hil baseline diff of {ENTRIES} entries"
        yield Figure(what, "s", seconds(lambda: _hil(diff), 7), DIFF_LIMIT_S)


def _insert(store: Store, number: int) -> float:
    run = _run(number)
    start = perf_counter()
    store.add_run(run)
    return perf_counter() - start


def _run(number: int) -> StoredRun:
    """Run number N: of one of MODELS, with latencies that vary by a share of a percent."""
    generator = np.random.default_rng(number)
    middle = 1_700_000 + 1000 * (number % MODELS)
    latencies = generator.normal(middle, middle * 0.003, SAMPLES).astype(int).tolist()
    record: RunRecord = changed_record(model=f"model{number % MODELS}").model_copy(
        update={"samples": Samples(latency_instructions=tuple(latencies))}
    )
    run = make_run(number, record, session=SESSION)
    day = f"2026-{1 + number // 28 % 12:02}-{1 + number % 28:02}"
    return run.model_copy(update={"started_utc": f"{day}{run.started_utc[10:]}"})


def _baseline(name: str, change: int) -> Baseline:
    entries = []
    for number in range(ENTRIES):
        metrics: dict[str, object] = {"flash_bytes": 5000 + change * (number % 2)}
        entries.append(BaselineEntry.of(changed_record(metrics, model=f"model{number}")))
    return Baseline(name).updated(entries)


def _megabytes(path: Path) -> float:
    return sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*")) / 1e6


def _hil(arguments: list[str]) -> None:
    command = [sys.executable, "-c", "from hil.cli import main; main()", *arguments]
    subprocess.run(command, check=True, capture_output=True)
