"""The record of a run: everything measured for one (target, board, suite, model, kernels, image).

Immutable once made; docs/results.md describes it as JSON. A metric that could not be measured is
None in `metrics` and its reason is in `absent`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hil.comparison import Comparison
from hil.frozen import Record
from hil.vocab import (
    Better,
    CheckName,
    CounterUnit,
    GateOutcome,
    Kind,
    RunOrigin,
    Scheme,
    Status,
)

SCHEMA = 1


class Subject(Record):
    """What is being measured: may change from night to night, the suspect when results do.

    `source_commit` is the commit of the repository that the suite or model is in, with a `+` when
    tracked files had changed since; None outside a repository. `tflm_generation` is None in records
    from before there were several.
    """

    model_sha256: str
    source_commit: str | None = None
    build_id: str
    tflm_origin: str
    tflm_digest: str
    tflm_generation: str | None = None
    harness_digest: str
    toolchain: str
    flags: tuple[str, ...]


class Condition(Record):
    """What must be equal for two runs to be comparable."""

    core_clock_hz: int
    arena_placement: str
    code_placement: str
    protocol_major: int
    counter_unit: CounterUnit
    data_sha256: str
    source_sha256: str | None = None


class Environment(Record):
    """Where it happened; shown, never compared."""

    hil_version: str
    python: str
    host: str
    pyocd: str
    references: dict[str, str]


class Metrics(Record):
    """Figures of a run; units are in the names. None: see `absent` of the run."""

    vectors: int
    macs: int
    latency_samples: int | None = None
    latency_impossible_samples: int | None = None
    latency_median_instructions: float | None = None
    latency_min_instructions: int | None = None
    latency_p90_instructions: float | None = None
    latency_p99_instructions: float | None = None
    latency_iqr_instructions: float | None = None
    latency_median_cycles: float | None = None
    latency_min_cycles: int | None = None
    latency_p90_cycles: float | None = None
    latency_p99_cycles: float | None = None
    latency_iqr_cycles: float | None = None
    latency_median_ms: float | None = None
    empty_window_instructions: int | None = None
    empty_window_cycles: int | None = None
    fixed_kernel_instructions: int | None = None
    fixed_kernel_cycles: int | None = None
    counter_rate_hz: float | None = None
    host_litert_latency_median_us: float | None = None
    arena_used_bytes: int | None = None
    arena_head_bytes: int | None = None
    arena_tail_bytes: int | None = None
    arena_capacity_bytes: int | None = None
    arena_host_tflm_bytes: int | None = None
    flash_bytes: int | None = None
    flash_model_bytes: int | None = None
    flash_code_bytes: int | None = None
    flash_text_bytes: int | None = None
    flash_kernels_bytes: int | None = None
    flash_interpreter_bytes: int | None = None
    flash_harness_bytes: int | None = None
    flash_library_bytes: int | None = None
    ram_static_bytes: int | None = None
    ram_data_bytes: int | None = None
    ram_bss_bytes: int | None = None
    stack_bytes: int | None = None
    stack_used_bytes: int | None = None
    outputs_elements: int | None = None
    outputs_differing_elements: int | None = None
    outputs_differing_vectors: int | None = None
    outputs_max_abs_error: float | None = None
    outputs_worst_vector: int | None = None
    litert_differing_elements: int | None = None
    litert_max_abs_error: float | None = None
    accuracy_device: float | None = None
    accuracy_host_tflm: float | None = None
    accuracy_litert: float | None = None
    link_retransmissions: int | None = None


class Samples(Record):
    """Raw values in the order of the vectors.

    Latencies: one for each vector, then those of further rounds, again from the first vector on;
    `latency_impossible` are the indices of those that cannot be true.
    `accuracy_parts`, one for each vector, or for each sequence where the metric is over those,
    holds what the metric is made of, by where the outputs came from (`device` or a reference): 0 or
    1 for top1 and topk, a mean error for mae, a mean square for rmse, the score for auc, whose
    labels are in `accuracy_labels`.
    """

    latency_instructions: tuple[int, ...] | None = None
    latency_cycles: tuple[int, ...] | None = None
    latency_impossible: tuple[int, ...] | None = None
    accuracy_parts: dict[str, tuple[int | float, ...]] | None = None
    accuracy_labels: tuple[int, ...] | None = None


class OperatorFigures(Record):
    """One operator of the profiled inference, in the model's order.

    `count` is in the run's counter unit, without the wrapper's; `weights_bytes` are its constants
    in the model's file; `output` and `shape` those of its first output.
    """

    index: int
    name: str
    output: str
    shape: tuple[int, ...]
    count: int
    macs: int
    weights_bytes: int


class HostScore(Record):
    """What LiteRT alone scores on the host; `value` is None where `reason` says why."""

    label: str | None
    source: str | None
    vectors: int | None
    metric: str | None
    value: float | None
    reason: str = ""


class HostOnly(Record):
    """What is known without a board: the model, and LiteRT's score on this host.

    `same_vectors` is there for models that cannot run on the board, on the vectors that it would
    have been given; `larger_set` when the suite has one and it was asked for.
    """

    model_sha256: str
    scheme: Scheme
    macs: int
    same_vectors: HostScore | None = None
    larger_set: HostScore | None = None


class RunRecord(Record):
    """One run. `oracle` names the comparison that `outputs_*` and host TFLM's figures are from.

    `operators` are those of one further inference after all samples; None where `absent` says why.
    `kernel_flash_bytes` has the bytes of each kernel's source file in the image. `confusion` counts
    vectors by label (row) and by the device's answer (column), for top1 and topk.
    """

    schema_version: int = SCHEMA
    origin: RunOrigin = RunOrigin.SUITE
    run_id: str
    started_utc: str
    duration_s: float
    suite: str | None
    model: str
    scheme: Scheme
    target: str
    board: str
    kind: Kind
    kernels: str
    vectors_source: str
    accuracy_metric: str | None
    accuracy_better: Better | None = None
    subject: Subject
    condition: Condition
    environment: Environment
    metrics: Metrics
    absent: dict[str, str]
    samples: Samples
    oracle: str | None = None
    comparisons: dict[str, Comparison] = {}
    operators: tuple[OperatorFigures, ...] | None = None
    kernel_flash_bytes: dict[str, int] = {}
    confusion: tuple[tuple[int, ...], ...] | None = None


class BothLatencies(Record):
    """Raw latencies in cycles, of the baseline's image and of this one."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    def __add__(self, other: BothLatencies) -> BothLatencies:
        """Both together, in the order in which they were taken."""
        return BothLatencies(
            before=(*self.before, *other.before), after=(*self.after, *other.after)
        )


class GateAnswer(Record):
    """What one gate expression says of a run, held against a baseline.

    `before`, `after`, `change` and `limit` are in `unit`; a `limit` is the largest change for the
    worse that is allowed, in the same unit, and `change` is positive where the figure is larger.
    `interval` holds the change with 99 % confidence, where samples have noise; `repeats` are the
    raw samples that were taken because the first ones did not tell. `causes` are what may be behind
    it: what of the subject changed, then which operators.
    """

    expression: str
    metric: str
    outcome: GateOutcome
    reason: str
    unit: str = ""
    before: float | None = None
    after: float | None = None
    change: float | None = None
    limit: float | None = None
    interval: tuple[float, float] | None = None
    causes: tuple[str, ...] = ()
    repeats: tuple[BothLatencies, ...] = ()


class Verdict(Record):
    """The answer of one check to a run: the limits it was held to, and the gate's answers.

    `own_status` is what it was by its own limits, where a gate made something else of it.
    """

    check: CheckName
    status: Status
    reason: str
    limits: dict[str, float | int | None] = {}
    gate: tuple[GateAnswer, ...] = ()
    own_status: Status | None = None


@dataclass
class RunResult:
    """A run with its verdicts, as the reports show it. `record` is None when there is no result,
    and `reason` says why; `host_only` is what the host alone could say.
    """

    suite: str | None
    model: str
    target: str
    kernels: str
    record: RunRecord | None = None
    reason: str = ""
    verdicts: dict[CheckName, Verdict] = field(default_factory=dict)
    host_only: HostOnly | None = None

    @property
    def scheme(self) -> Scheme | None:
        """The model's scheme, None when not even its file was read."""
        known = self.record or self.host_only
        return known.scheme if known is not None else None

    @property
    def status(self) -> Status:
        """The worst of its checks."""
        return worst_status(verdict.status for verdict in self.verdicts.values())


def worst_status(statuses: Iterable[Status]) -> Status:
    """The one of a run whose checks have these."""
    order = (Status.ERROR, Status.FAIL, Status.UNSUPPORTED, Status.NEW, Status.PASS)
    found = set(statuses)
    return next((status for status in order if status in found), Status.SKIP)
