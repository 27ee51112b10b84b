"""All runs as a table: one row each, units in the names of the columns."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.checks.schemes import SchemeRow, compare_schemes
from hil.comparison import Comparison, TensorComparison
from hil.errors import ConfigError
from hil.files import write_whole
from hil.record import HostScore, Metrics, RunResult
from hil.reference.reference import ReferenceName
from hil.vocab import SHARES

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

Cells = dict[str, Any]

IDENTITY = (
    "suite",
    "target",
    "kind",
    "board",
    "model",
    "scheme",
    "kernels",
    "oracle",
    "status",
    "reason",
    "run_id",
    "started_utc",
    "model_sha256",
    "accuracy_metric",
)
# Figures of each reference's comparison, and how one is made of those of several outputs.
SUMMED = ("argmax_flips",)
LARGEST = ("max_error_lsb", "max_error_real", "max_ulp", "max_relative_error")
MEANS = ("mean_error_lsb", "mean_error_real")  # by how many elements an output has
SMALLEST = ("sqnr_db", "cosine_similarity")
TENSOR_FIELDS = (*SUMMED, *LARGEST, *MEANS, *SMALLEST)


def check_parquet() -> None:
    """Finds out before the work whether Parquet can be written. Raises ConfigError."""
    if find_spec("pyarrow") is None:
        raise ConfigError(
            "--hil-parquet needs pyarrow, which is not installed",
            hint="pip install 'tflm-hil[parquet]', or use --hil-csv",
        )


def write_csv(path: Path, runs: Sequence[RunResult]) -> None:
    """Writes the table as CSV; what is missing is empty. Raises ConfigError."""
    write_whole(path, frame(runs).to_csv(index=False).encode())


def write_parquet(path: Path, runs: Sequence[RunResult]) -> None:
    """Writes the table as Parquet; what is missing is null. Raises ConfigError."""
    content = io.BytesIO()
    frame(runs).to_parquet(content, index=False, engine="pyarrow")
    write_whole(path, content.getvalue())


def frame(runs: Sequence[RunResult]) -> pd.DataFrame:
    """One row per run, unsupported ones and errors with their reason included.

    Identity first, then figures. Every table has every column, of the same type, which knows
    missing values.
    """
    import pandas as pd

    rows = {id(row.run): row for comparison in compare_schemes(runs) for row in comparison.rows}
    types = _column_types()
    table = pd.DataFrame([_cells(run, rows[id(run)]) for run in runs], columns=list(types))
    return table.astype(types)


def _column_types() -> dict[str, str]:
    """Pandas' name of each column's type, in the order of the columns."""
    types = dict.fromkeys(IDENTITY, "string")
    types |= {name: _type_of(Metrics, name) for name in Metrics.model_fields}
    for reference in ReferenceName:
        types[f"{reference.value}_label"] = "string"
        types[f"{reference.value}_accuracy"] = "Float64"
        types[f"{reference.value}_differing_vectors"] = "Int64"
        for field in TENSOR_FIELDS:
            types[f"{reference.value}_{field}"] = _type_of(TensorComparison, field)
    for unit in ("points", "absolute"):
        types |= {f"accuracy_drop_{part}{unit}": "Float64" for part in ("", "low_", "high_")}
    types |= {"accuracy_drop_vectors": "Int64", "mcnemar_mid_p": "Float64"}
    types |= dict.fromkeys(("is_distinguishable", "is_pareto", "is_pareto_by_estimate"), "boolean")
    for prefix in ("host_only", "host_set"):
        types[f"{prefix}_litert_accuracy"] = "Float64"
        types[f"{prefix}_vectors"] = "Int64"
        types[f"{prefix}_reason"] = "string"
    return types


def _type_of(kind: type[BaseModel], field: str) -> str:
    return "Float64" if "float" in str(kind.model_fields[field].annotation) else "Int64"


def _cells(run: RunResult, row: SchemeRow) -> Cells:
    record = run.record
    identity: Cells = {
        "suite": run.suite,
        "target": run.target,
        "model": run.model,
        "scheme": run.scheme.value if run.scheme is not None else None,
        "kernels": run.kernels,
        "status": run.status.value,
        "reason": run.reason or None,
        "model_sha256": _model_sha256(run),
    }
    if record is not None:
        identity |= {
            "kind": record.kind.value,
            "board": record.board,
            "run_id": record.run_id,
            "started_utc": record.started_utc,
            "oracle": record.oracle,
            "accuracy_metric": record.accuracy_metric,
        }
    metrics: Cells = {}
    if record is not None:
        metrics = record.metrics.model_dump()
    elif run.host_only is not None:
        metrics = {"macs": run.host_only.macs}
    agreement: Cells = {}
    for name, comparison in record.comparisons.items() if record is not None else ():
        agreement |= _agreement(name, comparison)
    return identity | metrics | agreement | _drop(row) | _host(run)


def _model_sha256(run: RunResult) -> str | None:
    if run.record is not None:
        return run.record.subject.model_sha256
    return run.host_only.model_sha256 if run.host_only is not None else None


def _agreement(name: str, comparison: Comparison) -> Cells:
    cells: Cells = {
        f"{name}_label": comparison.label,
        f"{name}_accuracy": comparison.accuracy,
        f"{name}_differing_vectors": comparison.differing_vectors,
    }
    return cells | {f"{name}_{field}": _over_outputs(comparison, field) for field in TENSOR_FIELDS}


def _over_outputs(comparison: Comparison, field: str) -> float | int | None:
    """One figure of all outputs that have it; None when none does, or the worst is not known."""
    tensors = [t for t in comparison.tensors if getattr(t, field) is not None]
    values = [getattr(tensor, field) for tensor in tensors]
    is_broken = any(tensor.non_finite_elements for tensor in comparison.tensors)
    if not values or (field in SMALLEST and is_broken):
        return None
    if field in MEANS:
        weights = [tensor.elements - tensor.non_finite_elements for tensor in tensors]
        total = sum(weights)
        return sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else None
    combine: Callable[[list[float | int]], float | int] = (
        sum if field in SUMMED else max if field in LARGEST else min
    )
    return combine(values)


def _drop(row: SchemeRow) -> Cells:
    """Against float32: shares in percentage points, other metrics in their own unit."""
    cells: Cells = {
        "is_pareto": row.is_pareto,
        "is_pareto_by_estimate": row.is_pareto_by_estimate,
    }
    drop, record = row.drop, row.run.record
    if drop is None or record is None:
        return cells
    unit, factor = ("points", 100.0) if record.accuracy_metric in SHARES else ("absolute", 1.0)
    cells[f"accuracy_drop_{unit}"] = drop.value * factor
    cells["accuracy_drop_vectors"] = drop.n
    cells["mcnemar_mid_p"] = drop.p_value
    if drop.interval is not None:
        cells[f"accuracy_drop_low_{unit}"] = drop.interval.low * factor
        cells[f"accuracy_drop_high_{unit}"] = drop.interval.high * factor
        cells["is_distinguishable"] = drop.is_distinguishable
    return cells


def _host(run: RunResult) -> Cells:
    if run.host_only is None:
        return {}
    same, larger = run.host_only.same_vectors, run.host_only.larger_set
    return _host_score("host_only", same) | _host_score("host_set", larger)


def _host_score(prefix: str, score: HostScore | None) -> Cells:
    if score is None:
        return {}
    return {
        f"{prefix}_litert_accuracy": score.value,
        f"{prefix}_vectors": score.vectors,
        f"{prefix}_reason": score.reason or None,
    }
