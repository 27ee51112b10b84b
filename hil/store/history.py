"""What the history tells of a run without opening its record."""

from __future__ import annotations

from dataclasses import dataclass

from hil.vocab import Kind, RunOrigin, Scheme, Status

# Reports draw so many of the newest runs.
DRAWN_RUNS = 2000


@dataclass(frozen=True)
class HistoryPoint:
    """One run as a line of the history. Figures are None where there is no result.

    `latency` is the median, in instructions (emulated) or cycles (hardware); `accuracy` the suite's
    metric on the device's outputs; `status` the worst of its verdicts, None before the first;
    `reason` why there is no result.
    """

    run_id: str
    session_id: str
    started_utc: str
    origin: RunOrigin
    suite: str | None
    model: str
    scheme: Scheme | None
    target: str
    board: str | None
    kind: Kind | None
    kernels: str
    status: Status | None
    reason: str
    source_commit: str | None
    build_id: str | None
    accuracy: float | None
    latency: float | None
    latency_ms: float | None
    arena_bytes: int | None
    flash_bytes: int | None
