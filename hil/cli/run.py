"""`hil run`: a user's own model on a board, without a suite."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from hil.bench.board import Board
from hil.bundle.measure import measure_with_evidence
from hil.checks.judge import judge, oracle_of
from hil.cli.keep import MISTAKES, History, NoStore, StoreUrl
from hil.cli.options import (
    DEFAULT_TARGET,
    Kernels,
    ModelFile,
    Port,
    Probe,
    TargetName,
    Tflm,
)
from hil.cli.prepared import Choice, prepare, watched
from hil.data import Vectors, load_npz, random_vectors
from hil.errors import HilError, UnsupportedModel
from hil.explain import difference_of, explain_difference
from hil.files import check_writable, write_whole
from hil.host_score import HostScorer
from hil.measure import Job
from hil.model.info import ModelInfo
from hil.outcome import Outcome
from hil.progress import Progress
from hil.record import HostOnly, RunResult, Verdict
from hil.reference.reference import DEFAULT_REFERENCES, ReferenceName, reference_names
from hil.reference.references import References
from hil.report.json_report import write_json
from hil.report.numerics import numerics_lines
from hil.report.terminal import host_only_text, summary_text
from hil.report.timing import timing_line
from hil.source import source_commit
from hil.suite import Checks, Metric
from hil.tflm.locate import generation_named
from hil.vocab import CheckName, RunOrigin, Status

DEFAULT_COUNT = 100
EXIT_DIFFERS, EXIT_CANNOT = 1, 2


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("run")(run)


def run(
    model_file: ModelFile,
    target: TargetName = DEFAULT_TARGET,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="X.npz", help="inputs `x` (or `x:NAME` each), labels `y` optional"),
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, help="random vectors, when there is no file")
    ] = DEFAULT_COUNT,
    seed: Annotated[int, typer.Option(min=0, help="seed of the random vectors")] = 0,
    save_outputs: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="write the device's outputs")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="write the result")] = None,
    reference: Annotated[
        str,
        typer.Option(
            "--references",
            metavar="NAMES",
            help="host interpreters to compare with, separated by commas: "
            f"{', '.join(ReferenceName)}",
        ),
    ] = ",".join(DEFAULT_REFERENCES),
    kernels: Kernels = None,
    tflm: Tflm = None,
    probe: Probe = None,
    port: Port = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="DIR", help="keep the evidence in a folder of DIR"),
    ] = None,
    store: StoreUrl = None,
    no_store: NoStore = False,
) -> None:
    """Run MODEL.tflite on a board and compare it with the host.

    Exit code 0: it ran, and its outputs equal the reference. 1: they differ. 2: it cannot run.
    """
    for path in (save_outputs, json):
        if path is not None:
            check_writable(path)
    library = generation_named(tflm).library_or_default(kernels).name
    history = History(store, no_store=no_store)
    references = References(reference_names(reference.split(",")))
    host_only: HostOnly | None = None
    try:
        with prepare(Choice(model_file, target, kernels, tflm, probe, port)) as prepared:
            model = prepared.model
            data = load_npz(model, vectors) if vectors else random_vectors(model, count, seed)
            metric = _metric_for(data, model)
            try:
                prepared.require_runnable()
            except UnsupportedModel as error:
                host_only = HostScorer(references, model, metric).host_only(lambda: data)
                if metric is not None:
                    error.detail += f"\n{host_only_text(host_only)}"
                raise
            job = Job(
                suite=None,
                model=model,
                model_label=model_file.stem,
                vectors=data,
                metric=metric,
                data=None,
                builder=prepared.builder,
                source_commit=source_commit(model_file.resolve().parent),
                origin=RunOrigin.RUN,
            )
            board = prepared.board
            with watched(model_file.stem) as show:
                outcome = measure_with_evidence(job, board, references, Checks(), bundle, show)
                verdict = _verdict(job, board, outcome, show)
    except HilError as error:
        failed = _failed(model_file.stem, target, library, error, host_only)
        if json is not None:
            write_json(json, [failed])
        if not isinstance(error, MISTAKES):
            history.keep(failed, RunOrigin.RUN)
        raise
    finally:
        references.close()
    if save_outputs is not None:
        _save_outputs(save_outputs, model, outcome)
    unscored = _unscored(outcome, metric)
    result = _result(outcome, [verdict, *unscored])
    if json is not None:
        write_json(json, [result])
    history.keep(result, RunOrigin.RUN)
    history.close()
    _report(result)
    if verdict.status is not Status.PASS or unscored:
        raise typer.Exit(EXIT_DIFFERS if verdict.status is Status.FAIL else EXIT_CANNOT)


def _unscored(outcome: Outcome, metric: Metric | None) -> list[Verdict]:
    """Why there is no accuracy although there are labels: they do not fit the model."""
    verdict = judge(CheckName.ACCURACY, outcome, Checks(), metric)
    return [verdict] if verdict.status is Status.ERROR else []


def _verdict(job: Job, board: Board, outcome: Outcome, show: Progress) -> Verdict:
    """Whether the outputs are right; if not, also which operator is first to differ."""
    verdict = judge(CheckName.OUTPUTS, outcome, Checks(), job.metric)
    oracle = oracle_of(outcome)
    if verdict.status is not Status.FAIL or oracle is None:
        return verdict
    show("look for the operator", 0, 0)
    difference = difference_of(outcome, oracle)
    said = explain_difference(
        job.builder, outcome.image, board, job.model, job.vectors, difference, show
    )
    return verdict.model_copy(update={"reason": f"{verdict.reason}\n{said}"})


def _metric_for(data: Vectors, model: ModelInfo) -> Metric | None:
    """Top-1 for class labels, the mean absolute error for others, nothing without labels."""
    if data.labels is None:
        return None
    are_classes = data.labels.ndim == 1 and data.labels.dtype.kind in "iu"
    is_classifier = are_classes and model.output_tensors[0].elements > 1
    return Metric(name="top1" if is_classifier else "mae")


def _save_outputs(path: Path, model: ModelInfo, outcome: Outcome) -> None:
    """Outputs as the device sent them, N x output shape without the batch of 1, and the cycles."""
    arrays: dict[str, Any] = {}
    for tensor, array in zip(model.output_tensors, outcome.outputs, strict=True):
        name = "outputs" if len(model.outputs) == 1 else f"outputs:{tensor.name}"
        shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
        arrays[name] = array.reshape(len(array), *shape)
    samples = outcome.record.samples
    arrays["cycles"] = np.array(samples.latency_instructions or samples.latency_cycles, np.int64)
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_whole(path, content.getvalue())


def _result(outcome: Outcome, verdicts: Sequence[Verdict]) -> RunResult:
    record = outcome.record
    result = RunResult(None, record.model, record.target, record.kernels, record=record)
    result.verdicts = {verdict.check: verdict for verdict in verdicts}
    return result


def _report(result: RunResult) -> None:
    record = result.record
    assert record is not None
    console = Console(highlight=False)
    subject = record.subject
    generation = f"{subject.tflm_generation} ({subject.tflm_origin})"
    console.print(f"TFLM {generation}, kernels {record.kernels}", markup=False)
    console.print(summary_text([result], color=console.is_terminal), end="", markup=False)
    console.print(timing_line(record), style="dim", soft_wrap=True)
    for line in numerics_lines(record):
        console.print(line, style="dim", markup=False, soft_wrap=True)
    for verdict in result.verdicts.values():
        if verdict.status is Status.PASS:  # others' first line stands under the table already
            console.print(f"pass: {verdict.reason}", soft_wrap=True)
        for line in verdict.reason.splitlines()[1:]:
            console.print(line, markup=False, soft_wrap=True)


def _failed(
    model: str,
    target: str,
    kernels: str,
    error: HilError,
    host_only: HostOnly | None,
) -> RunResult:
    """What says why there is no result: last night's must not pass for tonight's."""
    result = RunResult(None, model, target, kernels, reason=error.message)
    result.host_only = host_only
    status = Status.UNSUPPORTED if isinstance(error, UnsupportedModel) else Status.ERROR
    check = CheckName.OUTPUTS
    result.verdicts[check] = Verdict(check=check, status=status, reason=error.message)
    return result
