"""What the runs were made from, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hil.record import RunRecord, RunResult
from hil.report.html.words import ABSENT, COMMIT_DIGITS, commit_text


def environment_views(runs: Sequence[RunResult]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Subject, condition and environment, each once for the runs that share it."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for run in runs:
        if run.record is not None:
            groups.setdefault(tuple(_identity(run.record)), []).append(run.model)
    return [(", ".join(models), list(pairs)) for pairs, models in groups.items()]


def _identity(record: RunRecord) -> Iterator[tuple[str, str]]:
    subject, condition, where = record.subject, record.condition, record.environment
    yield "target", f"{record.target}, {record.kind.value}"
    yield "kernels", record.kernels
    yield "source commit", commit_text(subject.source_commit) or ABSENT
    yield "TFLM", f"{subject.tflm_origin} {_short(subject.tflm_digest)}"
    yield "harness", _short(subject.harness_digest)
    yield "toolchain", subject.toolchain
    yield "flags", " ".join(subject.flags)
    yield "core clock", f"{condition.core_clock_hz / 1e6:g} MHz"
    yield "placement", f"code {condition.code_placement}, arena {condition.arena_placement}"
    yield "counter", condition.counter_unit.value
    yield "data", _short(condition.source_sha256 or condition.data_sha256)
    yield "hil", f"{where.hil_version}, Python {where.python}, pyOCD {where.pyocd}"
    yield "host", where.host
    for name, label in where.references.items():
        yield f"reference {name}", label


def _short(digest: str) -> str:
    return digest[:COMMIT_DIGITS]
