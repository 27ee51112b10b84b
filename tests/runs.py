"""Runs of several schemes as a session leaves them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hil.record import HostOnly, HostScore, Metrics, RunResult, Samples, Verdict
from hil.tflm.kernels import REFERENCE
from hil.vocab import Better, CheckName, Scheme, Status
from tests.outcomes import make_comparison, make_record

FLOATS = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)


def right(count: int, of: int) -> tuple[float, ...]:
    """The first `count` vectors right, the others wrong."""
    return (1.0,) * count + (0.0,) * (of - count)


def scheme_run(
    scheme: Scheme,
    parts: Sequence[float],
    *,
    costs: tuple[int, int, int] = (1000, 5000, 70_000),
    kernels: str = REFERENCE,
    **changes: object,
) -> RunResult:
    """A measured run; `costs` are instructions, bytes of arena and bytes of flash."""
    latency, arena, flash = costs
    metrics = Metrics(
        vectors=len(parts),
        macs=63_216,
        latency_median_instructions=float(latency),
        latency_min_instructions=latency,
        arena_used_bytes=arena,
        flash_bytes=flash,
        flash_model_bytes=flash // 4,
        accuracy_device=float(np.mean(parts)),
        accuracy_host_tflm=float(np.mean(parts)),
        accuracy_litert=float(np.mean(parts)),
    )
    values: dict[str, object] = {
        "suite": "har",
        "model": f"har_{scheme.value}",
        "scheme": scheme,
        "kernels": kernels,
        "metrics": metrics,
        "samples": Samples(accuracy_parts={"device": tuple(parts)}),
        "oracle": "tflm",
        "comparisons": {
            "tflm": make_comparison(FLOATS, FLOATS),
            "litert": make_comparison(FLOATS[::-1], FLOATS),
        },
    }
    record = make_record(**(values | changes))
    run = RunResult(record.suite, record.model, record.target, kernels, record=record)
    check = CheckName.ACCURACY
    run.verdicts[check] = Verdict(check=check, status=Status.PASS, reason="fine")
    return run


def unsupported_run(scheme: Scheme, *, accuracy: float | None = 0.84) -> RunResult:
    """A run that the board cannot do, scored by LiteRT."""
    reason = "operator 0 CONV_2D: float input, int8 weights\nhint: quantize"
    run = RunResult("har", f"har_{scheme.value}", "stm32f746", "reference", reason=reason)
    for check in CheckName:
        run.verdicts[check] = Verdict(check=check, status=Status.UNSUPPORTED, reason=reason)
    run.host_only = HostOnly(
        model_sha256="ab",
        scheme=scheme,
        macs=63_216,
        same_vectors=HostScore(
            label="LiteRT 2.3.0",
            source="data.py:test_data",
            vectors=100,
            metric="top1",
            value=accuracy,
            reason="" if accuracy is not None else "LiteRT refuses the model",
        ),
    )
    return run


def regression_run(scheme: Scheme, errors: Sequence[float], metric: str = "mae") -> RunResult:
    """A run whose metric is better when lower."""
    metrics = Metrics(
        vectors=len(errors),
        macs=1,
        latency_median_instructions=1000.0,
        arena_used_bytes=1,
        flash_bytes=1,
        accuracy_device=float(np.mean(errors)),
    )
    return scheme_run(
        scheme, errors, accuracy_metric=metric, accuracy_better=Better.LOWER, metrics=metrics
    )
