"""The device's outputs beside the references': the accuracy of each, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from hil.checks.bounds import device_bounds, litert_bounds
from hil.checks.compare import compare
from hil.checks.metrics import Score, evaluate
from hil.comparison import Comparison
from hil.data import Array, Vectors
from hil.errors import DataError, HilError
from hil.model.info import ModelInfo
from hil.reference.reference import (
    LITERT_REFERENCES,
    ORACLES,
    ReferenceName,
    ReferenceResult,
)
from hil.suite import Metric
from hil.suite_data import SuiteData

DEVICE = "device"
# Metrics that the oracle's run gives, and LiteRT's.
ORACLE_FIELDS = (
    "accuracy_host_tflm",
    "arena_host_tflm_bytes",
    "outputs_elements",
    "outputs_differing_elements",
    "outputs_differing_vectors",
    "outputs_max_abs_error",
    "outputs_worst_vector",
)
LITERT_FIELDS = (
    "accuracy_litert",
    "host_litert_latency_median_us",
    "litert_differing_elements",
    "litert_max_abs_error",
)
NO_METRIC = "no metric: the vectors have no labels or the suite names none"
NOT_ASKED_FOR = "is not among the references asked for"
NOT_FINITE = "an output is NaN or infinite on one side only"


@dataclass(frozen=True)
class Agreement:
    """`scores` by DEVICE or reference, `comparisons` by reference; `figures` are the metrics that
    follow, and `absent` has the reason for each of them that is missing.

    `oracle` is what `outputs_*` and the figures of host TFLM are from: the first of ORACLES that
    gave a result.
    """

    scores: dict[str, Score]
    score_errors: dict[str, HilError]
    comparisons: dict[ReferenceName, Comparison]
    oracle: ReferenceName | None
    figures: dict[str, float | int | None]
    absent: dict[str, str]

    @classmethod
    def of(
        cls,
        model: ModelInfo,
        vectors: Vectors,
        metric: Metric | None,
        data: SuiteData | None,
        outputs: tuple[Array, ...],
        results: Mapping[ReferenceName, ReferenceResult],
        errors: Mapping[ReferenceName, HilError],
    ) -> Agreement:
        """Of the device's `outputs` with what the references made of the same vectors."""
        scores: dict[str, Score] = {}
        score_errors: dict[str, HilError] = {}
        if metric is not None:
            sources = {DEVICE: outputs} | {name.value: r.outputs for name, r in results.items()}
            for source, arrays in sources.items():
                try:
                    scores[source] = evaluate(metric, model, arrays, vectors, data)
                except DataError as error:
                    score_errors[source] = error
        comparisons = {
            name: _comparison(model, vectors, outputs, result, scores.get(name.value))
            for name, result in results.items()
        }
        oracle = next((name for name in ORACLES if name in results), None)
        fields = _accuracy_fields(oracle)
        figures = _figures(oracle, results, comparisons) | {
            field: scores[name].value for name, field in fields.items() if name in scores
        }
        reasons = _failures(oracle, errors) | {
            fields[name]: error.message for name, error in score_errors.items() if name in fields
        }
        if metric is None:
            reasons |= dict.fromkeys(_accuracy_fields(ORACLES[0]).values(), NO_METRIC)
        if oracle is not None:
            reasons |= {"outputs_max_abs_error": NOT_FINITE}
            reasons |= {"outputs_worst_vector": "no output differs"}
        if ReferenceName.LITERT in results:
            reasons |= {"litert_max_abs_error": NOT_FINITE}
        absent = {name: why for name, why in reasons.items() if figures.get(name) is None}
        return cls(scores, score_errors, comparisons, oracle, figures, absent)


def _comparison(
    model: ModelInfo,
    vectors: Vectors,
    outputs: tuple[Array, ...],
    result: ReferenceResult,
    score: Score | None,
) -> Comparison:
    steps = vectors.most_steps if model.has_state else 1
    bounds_of = litert_bounds if result.name in LITERT_REFERENCES else device_bounds
    bounds = bounds_of(model, steps)
    found = compare(outputs, result.outputs, model.output_tensors, bounds)
    return Comparison(
        tensors=found.tensors,
        differing_vectors=found.differing_vectors,
        label=result.label,
        accuracy=None if score is None else score.value,
        host_latency_median_us=median(result.latency_us),
    )


def _accuracy_fields(oracle: ReferenceName | None) -> dict[str, str]:
    """Where outputs come from -> the metric that holds their accuracy."""
    fields = {DEVICE: "accuracy_device", ReferenceName.LITERT.value: "accuracy_litert"}
    return fields | ({oracle.value: "accuracy_host_tflm"} if oracle is not None else {})


def _figures(
    oracle: ReferenceName | None,
    results: Mapping[ReferenceName, ReferenceResult],
    comparisons: Mapping[ReferenceName, Comparison],
) -> dict[str, float | int | None]:
    figures: dict[str, float | int | None] = {}
    litert = comparisons.get(ReferenceName.LITERT)
    if oracle is not None:
        tflm = comparisons[oracle]
        figures |= {
            "arena_host_tflm_bytes": results[oracle].arena_bytes,
            "outputs_elements": tflm.elements,
            "outputs_differing_elements": tflm.differing_elements,
            "outputs_differing_vectors": tflm.differing_vectors,
            "outputs_max_abs_error": tflm.max_abs_error,
            "outputs_worst_vector": tflm.worst_vector,
        }
    if litert is not None:
        figures |= {
            "host_litert_latency_median_us": litert.host_latency_median_us,
            "litert_differing_elements": litert.differing_elements,
            "litert_max_abs_error": litert.max_abs_error,
        }
    return figures


def _failures(
    oracle: ReferenceName | None, errors: Mapping[ReferenceName, HilError]
) -> dict[str, str]:
    """Why the figures of a reference are missing: it failed, or was not asked for."""
    reasons = dict.fromkeys(LITERT_FIELDS, _failure((ReferenceName.LITERT,), errors))
    if oracle is None:
        reasons |= dict.fromkeys(ORACLE_FIELDS, _failure(ORACLES, errors))
    return reasons


def _failure(names: Iterable[ReferenceName], errors: Mapping[ReferenceName, HilError]) -> str:
    failed = next((errors[name].message for name in names if name in errors), None)
    return failed or f"{' or '.join(names)} {NOT_ASKED_FOR}"
