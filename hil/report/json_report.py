"""Results as JSON; docs/results.md is its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hil import __version__
from hil.files import write_whole
from hil.record import SCHEMA as RECORD_SCHEMA
from hil.record import RunRecord, RunResult

SCHEMA = 1


def write_json(path: Path, runs: Sequence[RunResult], *, complete: bool = True) -> None:
    """Writes all runs to `path`, whole or not at all; `complete`: the session came to its end.

    Raises ConfigError.
    """
    document = {
        "schema": SCHEMA,
        "hil_version": __version__,
        "complete": complete,
        "created_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "runs": [run_as_json(run) for run in runs],
    }
    write_whole(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())


def run_as_json(run: RunResult) -> dict[str, Any]:
    """One run: its identity, checks, metrics and samples."""
    checks: dict[str, Any] = {
        name.value: {
            "status": verdict.status.value,
            "reason": verdict.reason,
            "limits": verdict.limits,
            "gate": [answer.model_dump(mode="json") for answer in verdict.gate],
        }
        for name, verdict in run.verdicts.items()
    }
    host_only = run.host_only.model_dump(mode="json") if run.host_only is not None else None
    if run.record is None:
        absent = dict.fromkeys(RunRecord.model_fields, None)
        del absent["schema_version"]
        return {
            **absent,
            "suite": run.suite,
            "model": run.model,
            "target": run.target,
            "kernels": run.kernels,
            "scheme": run.scheme.value if run.scheme is not None else None,
            "host_only": host_only,
            "absent": {"metrics": run.reason},
            "record_schema": RECORD_SCHEMA,
            "status": run.status.value,
            "checks": checks,
        }
    record = run.record.model_dump(mode="json")
    schema = record.pop("schema_version")
    return {
        **record,
        "host_only": host_only,
        "record_schema": schema,
        "status": run.status.value,
        "checks": checks,
    }
