"""What is known of a run's timing beyond the median, in a line."""

from __future__ import annotations

from hil.record import RunRecord


def timing_line(record: RunRecord) -> str:
    """Spread of the latency samples; those that are impossible are told."""
    metrics, unit = record.metrics, record.condition.counter_unit.value
    figures = {
        name: getattr(metrics, f"latency_{field}_{unit}")
        for name, field in (("p90", "p90"), ("p99", "p99"), ("IQR", "iqr"))
    }
    parts = [f"{name} {value:,.0f}" for name, value in figures.items() if value is not None]
    text = f"latency in {unit}: {', '.join([*parts, f'n {metrics.latency_samples}'])}"
    if metrics.latency_impossible_samples:
        text += f" ({metrics.latency_impossible_samples} impossible samples left out)"
    return text


def board_line(record: RunRecord) -> str:
    """What an empty window and the fixed kernel cost on the board that was measured; "" if that is
    not known.
    """
    metrics, unit = record.metrics, record.condition.counter_unit.value
    window = getattr(metrics, f"empty_window_{unit}")
    kernel = getattr(metrics, f"fixed_kernel_{unit}")
    if window is None or kernel is None:
        return ""
    text = f"board: an empty window is {window:,} {unit}, the fixed kernel {kernel:,}"
    if metrics.counter_rate_hz is not None:
        text += f"; its counter runs at {metrics.counter_rate_hz / 1e6:.1f} MHz by the host's clock"
    return text
