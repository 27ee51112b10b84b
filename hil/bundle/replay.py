"""Runs a bundle's recorded conversation through link, checks and figures again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hil.bundle.board import RecordedBoard
from hil.bundle.contents import (
    DATA,
    FRAMES,
    IMAGE,
    MODEL,
    REFERENCES,
    RUN,
    SETUP,
    VECTORS,
    VERDICTS,
    Failure,
    Setup,
    Verdicts,
)
from hil.bundle.events import Recording, read_recording
from hil.bundle.files import (
    problems_of,
    read_arrays,
    read_json,
    read_manifest,
    read_vectors,
)
from hil.checks.judge import judge
from hil.config_file import validate
from hil.data import Array, Vectors
from hil.errors import BundleError, HilError, ReferenceFailure, ReplayMismatch
from hil.figures import make_record
from hil.firmware.image import read_image
from hil.model.flatbuffer import read_model
from hil.on_device import OnDevice, run_on_board
from hil.outcome import Outcome
from hil.progress import silent
from hil.record import RunRecord, Verdict
from hil.reference.reference import ReferenceName, ReferenceResult
from hil.rounds import RoundPolicy
from hil.suite import Checks, Metric
from hil.suite_data import SuiteData
from hil.target import Target
from hil.task import Task
from hil.vocab import CheckName, Kind

# What cannot be the same: when and by what it was computed.
NOT_COMPARED = ("run_id", "started_utc", "duration_s", "environment")
NEEDS_TRUST = "the metric is a function of the suite's data.py, which is code of somebody else's"


@dataclass(frozen=True)
class Replay:
    """What a replay came to. `differences` are fields and verdicts that are not as they were, as
    (name, then, now); `left_out` says what was not done again.
    """

    setup: Setup
    record: RunRecord | None
    verdicts: tuple[Verdict, ...]
    failure: Failure | None
    differences: tuple[tuple[str, str, str], ...]
    left_out: tuple[str, ...]


def replay(folder: Path, *, trust: bool = False) -> Replay:
    """Replays a bundle; with `trust` its data.py may run.

    Raises BundleError when the bundle is not as its manifest says, or has too little in it, and
    ReplayMismatch when the conversation does not go as it went.
    """
    problems = list(problems_of(folder, read_manifest(folder)))
    if problems:
        raise BundleError(
            f"{folder} is not what was written:\n  " + "\n  ".join(problems),
            hint="`hil verify` says more",
        )
    setup = read_json(folder / SETUP, Setup)
    if not (folder / IMAGE).exists():
        raise BundleError(f"{folder}: the run ended before there was an image to talk to")
    is_trusted = trust or not (folder / DATA).exists()
    task = _task(folder, setup, is_trusted=is_trusted)
    recording = read_recording(folder / FRAMES)
    if setup.failure is not None:
        return _replay_failure(folder, setup, task, recording)
    return _replay_run(folder, setup, task, recording, is_trusted=is_trusted)


def _talk(
    folder: Path, setup: Setup, task: Task, recording: Recording
) -> tuple[RecordedBoard, OnDevice]:
    board = RecordedBoard(setup.board, Kind(setup.kind), recording)
    image = read_image(folder / IMAGE)
    host, clock = recording.host, recording.clock
    return board, run_on_board(task, board, image, silent, host=host, clock=clock)


# ---- runs


def _replay_run(
    folder: Path, setup: Setup, task: Task, recording: Recording, *, is_trusted: bool
) -> Replay:
    board, device = _talk(folder, setup, task, recording)
    if not recording.is_over:
        raise ReplayMismatch("the host ends, and the log goes on", step="replay")
    results, errors = _references(folder, setup)
    image = read_image(folder / IMAGE)
    started = datetime.fromisoformat(setup.started_utc)
    record, agreement = make_record(task, board, image, device, results, errors, started, 0.0)
    outcome = Outcome(
        record, image, device.streamed.outputs, results, errors, agreement.score_errors
    )
    then, judged = read_json(folder / RUN, RunRecord), read_json(folder / VERDICTS, Verdicts)
    limits, left_out = Checks.model_validate(setup.limits, strict=False), []
    checks = list(CheckName)
    if not is_trusted:
        checks.remove(CheckName.ACCURACY)
        left_out.append(f"accuracy: {NEEDS_TRUST} (--trust runs it)")
    verdicts = tuple(judge(check, outcome, limits, task.metric) for check in checks)
    differences = [
        *_record_differences(then, record, with_accuracy=is_trusted),
        *_verdict_differences(judged.verdicts, verdicts),
    ]
    kept = record.model_copy(update={name: getattr(then, name) for name in NOT_COMPARED})
    return Replay(setup, kept, verdicts, None, tuple(differences), tuple(left_out))


def _replay_failure(folder: Path, setup: Setup, task: Task, recording: Recording) -> Replay:
    assert setup.failure is not None
    try:
        _talk(folder, setup, task, recording)
    except ReplayMismatch as error:
        if not recording.is_over:
            raise
        # The log ends where the board fell silent or went away: nothing says what was next.
        failure = Failure(kind="silence", message=error.message, step=error.step)
        left_out = (f"why the log ends there: {setup.failure.kind}: {setup.failure.message}",)
        return Replay(setup, None, (), failure, (), left_out)
    except HilError as error:
        failure = Failure(kind=type(error).__name__, message=error.message, step=error.step)
        then = setup.failure
        differences = [
            (f"failure.{name}", getattr(then, name), getattr(failure, name))
            for name in Failure.model_fields
            if getattr(then, name) != getattr(failure, name)
        ]
        return Replay(setup, None, (), failure, tuple(differences), ())
    differences = [("failure", setup.failure.message, "none: the run comes to its end")]
    return Replay(setup, None, (), None, tuple(differences), ())


def _task(folder: Path, setup: Setup, *, is_trusted: bool) -> Task:
    model = replace(read_model(folder / MODEL), name=setup.model_name)
    target = validate(Target, setup.target, folder / SETUP)
    metric = _metric(setup) if setup.metric is not None and is_trusted else None
    data = SuiteData(folder / DATA, "test_data") if (folder / DATA).exists() else None
    return Task(
        suite=setup.suite,
        model=model,
        model_label=setup.model_label,
        vectors=_vectors(folder, setup),
        metric=metric,
        data=data,
        target=target,
        kernels=setup.kernels,
        kernel_files=setup.kernel_files,
        # As many samples as there were: when they were enough depended on the time.
        rounds=RoundPolicy(min_rounds=max(setup.samples, 1), max_time_s=0.0),
        source_commit=setup.source_commit,
        origin=setup.origin,
    )


def _metric(setup: Setup) -> Metric:
    return Metric.model_validate(setup.metric)


def _vectors(folder: Path, setup: Setup) -> Vectors:
    return read_vectors(folder / VECTORS, setup.vectors_source, setup.source_sha256)


def _references(
    folder: Path, setup: Setup
) -> tuple[dict[ReferenceName, ReferenceResult], dict[ReferenceName, HilError]]:
    """What the host interpreters gave then: they do not run again."""
    arrays = read_arrays(folder / REFERENCES)
    results: dict[ReferenceName, ReferenceResult] = {}
    errors: dict[ReferenceName, HilError] = {}
    for text, facts in setup.references.items():
        name = ReferenceName(text)
        if facts.error:
            errors[name] = ReferenceFailure(facts.error)
            continue
        outputs: list[Array] = [arrays[f"{text}:{index}"] for index in range(facts.outputs)]
        results[name] = ReferenceResult(
            name, facts.label, tuple(outputs), facts.latency_us, facts.arena_bytes
        )
    return results, errors


# ---- then and now


def _record_differences(
    then: RunRecord, now: RunRecord, *, with_accuracy: bool
) -> Iterator[tuple[str, str, str]]:
    left_out = {*NOT_COMPARED, *(() if with_accuracy else ("samples", "comparisons", "absent"))}
    old, new = then.model_dump(mode="json"), now.model_dump(mode="json")
    for name in RunRecord.model_fields:
        if name not in left_out:
            yield from _differences(name, old[name], new[name], _is_left_out(with_accuracy))


def _is_left_out(with_accuracy: bool) -> Callable[[str], bool]:
    return lambda path: not with_accuracy and ("accuracy" in path or path == "confusion")


def _differences(
    path: str, then: Any, now: Any, is_left_out: Callable[[str], bool]
) -> Iterator[tuple[str, str, str]]:
    if is_left_out(path):
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            yield from _differences(f"{path}.{key}", then.get(key), now.get(key), is_left_out)
    elif then != now:
        yield path, _short(then), _short(now)


def _verdict_differences(
    then: Sequence[Verdict], now: Sequence[Verdict]
) -> Iterator[tuple[str, str, str]]:
    old = {verdict.check: verdict for verdict in then}
    for verdict in now:
        for name in ("status", "reason", "limits"):
            before = getattr(old[verdict.check], name) if verdict.check in old else None
            after = getattr(verdict, name)
            if before != after:
                yield f"verdicts.{verdict.check.value}.{name}", _short(before), _short(after)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
