"""`hil noise`: the same images again and again, to know what a board's own noise is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hil.bench.bench import Bench
from hil.bench.board import Board
from hil.cli.keep import History, NoStore, StoreUrl
from hil.cli.options import (
    DEFAULT_TARGET,
    Kernels,
    Port,
    Probe,
    TargetName,
    Tflm,
    bench_choice,
    builder_of,
)
from hil.cli.prepared import watched
from hil.errors import ConfigError, UnsupportedModel
from hil.firmware.build import Builder
from hil.gate.floors import noise_floors
from hil.measure import Job, measure
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.model.preflight import require_runnable
from hil.record import RunRecord, RunResult
from hil.reference.references import References
from hil.report.noise import print_noise
from hil.source import source_commit
from hil.suite import Suite, load_suite
from hil.suite_data import SuiteData
from hil.vocab import RunOrigin

DEFAULT_RUNS = 5
SUITE_FILE = "suite.toml"


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command("noise")(noise)


def noise(
    suites: Annotated[list[Path], typer.Argument(metavar="SUITE...", help="folders of suites")],
    runs: Annotated[int, typer.Option("--runs", min=2, help="of each model")] = DEFAULT_RUNS,
    only: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="this model alone")
    ] = None,
    target: TargetName = DEFAULT_TARGET,
    kernels: Kernels = None,
    tflm: Tflm = None,
    probe: Probe = None,
    port: Port = None,
    store: StoreUrl = None,
    no_store: NoStore = False,
) -> None:
    """Measure the same images N times in turn: by how much does a board differ from itself?

    The runs are kept; a gate takes the noise floor of its target from them.
    """
    builder = builder_of(target, tflm, kernels)
    history = History(store, no_store=no_store)
    bench = Bench(bench_choice(probe, port))
    references = References(())
    records: list[RunRecord] = []
    try:
        jobs = list(_jobs([load_suite(folder / SUITE_FILE) for folder in suites], builder, only))
        board = bench.board(builder.target)
        # Each model once, then each again: what drifts, drifts for all of them.
        for number in range(runs):
            for job in jobs:
                records.append(_measured(job, board, references, f"{number + 1} of {runs}"))
                history.keep(_result(records[-1]), RunOrigin.NOISE)
    finally:
        references.close()
        bench.close()
        history.close()
    print_noise(Console(highlight=False), records, noise_floors(records))


def _measured(job: Job, board: Board, references: References, which: str) -> RunRecord:
    with watched(f"{job.model_label}, {which}") as show:
        return measure(job, board, references, show).record


def _result(record: RunRecord) -> RunResult:
    return RunResult(record.suite, record.model, record.target, record.kernels, record=record)


def _jobs(suites: list[Suite], builder: Builder, only: str | None) -> Iterator[Job]:
    """One for each model that runs on the target. Raises ConfigError when there is none."""
    found = False
    for suite in suites:
        data = SuiteData(suite.data_path, suite.data_function)
        for each in suite.models:
            model = read_model(suite.model_path(each))
            if only not in (None, each.label) or not _runs(builder, model):
                continue
            found = True
            yield Job(
                suite=suite.name,
                model=model,
                model_label=each.label,
                vectors=data.vectors(model, each.function),
                metric=suite.metric,
                data=data,
                builder=builder,
                source_commit=source_commit(suite.folder),
                origin=RunOrigin.NOISE,
            )
    if not found:
        raise ConfigError("no model of these suites runs on the target")


def _runs(builder: Builder, model: ModelInfo) -> bool:
    try:
        limits = builder.limits()
        require_runnable(model, limits)
    except UnsupportedModel:
        return False
    return True
