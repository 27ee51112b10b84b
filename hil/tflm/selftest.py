"""Runs eight tiny models from one TFLM tree on an emulated board and compares what they give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hil.bench.bench import Bench, BenchChoice
from hil.checks.judge import judge
from hil.comparison import Comparison
from hil.data import random_vectors
from hil.errors import HilError
from hil.firmware.build import Builder
from hil.measure import Job, measure
from hil.model.info import ModelInfo
from hil.model.preflight import find_problems
from hil.outcome import Outcome
from hil.progress import Progress, silent
from hil.reference.reference import ReferenceName, has_tflm_wheel
from hil.reference.references import References
from hil.suite import Checks
from hil.target import Target
from hil.tflm.selftest_models import selftest_models
from hil.tflm.source import TflmSource
from hil.vocab import CheckName, Kind, RunOrigin, Status

VECTORS = 8
SEED = 1
NO_DIFFERENCE = "0"


@dataclass(frozen=True)
class SelftestRow:
    """One model with one kernel library. `status` is PASS when its outputs are those of the
    reference, UNSUPPORTED when this TFLM does not take the model; `instructions` are the median of
    an inference, `difference` is what the outputs are away from each reference, `reason` says why
    it is no PASS.
    """

    model: str
    library: str
    status: Status
    instructions: float | None = None
    difference: str = ""
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether something is wrong with the tree, or with what runs it."""
        return self.status not in (Status.PASS, Status.UNSUPPORTED)


def selftest(
    tflm: TflmSource,
    target: Target,
    libraries: Iterable[str],
    models: Sequence[ModelInfo] | None = None,
    on_progress: Progress | None = None,
) -> Iterator[SelftestRow]:
    """One row after the other, as they are done; without `models` for the eight of ours.

    Integer outputs must equal the `tflite-micro` wheel's where there is one, floats lie within
    rounding; both must be within LiteRT's bounds of its reference kernels.
    """
    names = (ReferenceName.TFLM, ReferenceName.LITERT_REF)
    references = References(names if has_tflm_wheel() else names[1:])
    bench = Bench(BenchChoice(Kind.EMULATED.value))
    try:
        for library in libraries:
            builder = Builder(target, tflm, library)
            for model in models or selftest_models():
                yield _row(builder, model, bench, references, on_progress or silent)
    finally:
        references.close()
        bench.close()


def _row(
    builder: Builder, model: ModelInfo, bench: Bench, references: References, show: Progress
) -> SelftestRow:
    library = builder.library.name
    problems = find_problems(model, builder.limits())
    if problems:
        return SelftestRow(model.name, library, Status.UNSUPPORTED, reason=str(problems[0]))
    job = Job(
        suite=None,
        model=model,
        model_label=model.name,
        vectors=random_vectors(model, VECTORS, SEED),
        metric=None,
        data=None,
        builder=builder,
        origin=RunOrigin.RUN,
    )
    try:
        outcome = measure(job, bench.board(builder.target), references, show)
    except HilError as error:
        return SelftestRow(model.name, library, Status.ERROR, reason=str(error))
    status, reason = judged(outcome)
    return SelftestRow(
        model.name,
        library,
        status,
        outcome.record.metrics.latency_median_instructions,
        _differences(outcome),
        reason,
    )


def judged(outcome: Outcome) -> tuple[Status, str]:
    """Verdict and reason: by the wheel, by LiteRT's reference kernels, by the arena's two ends."""
    if outcome.record.oracle is not None:
        verdict = judge(CheckName.OUTPUTS, outcome, Checks(), None)
        if verdict.status is not Status.PASS:
            return verdict.status, verdict.reason
    for error in outcome.reference_errors.values():
        return Status.ERROR, str(error)
    litert = outcome.record.comparisons[ReferenceName.LITERT_REF]
    if litert.beyond_bound_elements:
        return (
            Status.FAIL,
            f"{litert.beyond_bound_elements} of {litert.elements} output elements are too far "
            f"from {litert.label}",
        )
    metrics = outcome.record.metrics
    head, tail, used = (
        metrics.arena_head_bytes,
        metrics.arena_tail_bytes,
        metrics.arena_used_bytes,
    )
    if head is None or tail is None or head + tail != used:
        return (
            Status.FAIL,
            f"arena: {head} bytes at its head and {tail} at its tail are not the {used} in use: "
            "its allocator is not where hil looks for it",
        )
    return Status.PASS, ""


def _differences(outcome: Outcome) -> str:
    """How far the outputs are from each reference that answered."""
    comparisons = outcome.record.comparisons
    said = {"wheel": ReferenceName.TFLM, "LiteRT": ReferenceName.LITERT_REF}
    return ", ".join(
        f"{_distance(comparisons[name])} ({word})"
        for word, name in said.items()
        if name in comparisons
    )


def _distance(found: Comparison) -> str:
    if found.is_equal:
        return NO_DIFFERENCE
    if found.max_abs_error is None:
        return "NaN"
    if found.max_error_lsb is not None:
        return f"{found.max_error_lsb} LSB"
    return f"{found.max_abs_error:.2g}"
