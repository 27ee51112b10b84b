"""Results as JSON; docs/results.md is its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hil import __version__
from hil.errors import ConfigError
from hil.files import write_whole
from hil.record import SCHEMA as RECORD_SCHEMA
from hil.record import HostOnly, RunRecord, RunResult, Verdict
from hil.vocab import CheckName

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


def read_json(path: Path) -> list[RunResult]:
    """The runs of a document that `write_json` wrote. Raises ConfigError when it is none, not
    complete, or of another schema.
    """
    try:
        document = json.loads(path.read_bytes())
        schema, complete = document["schema"], document["complete"]
        runs = [_run_from_json(entry) for entry in document["runs"]] if schema == SCHEMA else []
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path} holds no results: {error}", hint="pytest --hil-json writes such a file"
        ) from error
    if schema != SCHEMA:
        raise ConfigError(f"{path} has schema {schema}, this hil reads {SCHEMA}")
    if not complete:
        raise ConfigError(f"{path} is not complete: its session was interrupted")
    return runs


def _run_from_json(entry: dict[str, Any]) -> RunResult:
    run = RunResult(entry["suite"], entry["model"], entry["target"], entry["kernels"])
    for name, check in entry["checks"].items():
        run.verdicts[CheckName(name)] = Verdict.model_validate({"check": name, **check})
    if entry["host_only"] is not None:
        run.host_only = HostOnly.model_validate(entry["host_only"])
    if entry["run_id"] is None:
        run.reason = entry["absent"]["metrics"]
        return run
    fields = {name: entry[name] for name in RunRecord.model_fields if name != "schema_version"}
    run.record = RunRecord.model_validate(fields | {"schema_version": entry["record_schema"]})
    return run


def run_as_json(run: RunResult) -> dict[str, Any]:
    """One run: its identity, checks, metrics and samples."""
    checks: dict[str, Any] = {
        name.value: {
            "status": verdict.status.value,
            "reason": verdict.reason,
            "limits": verdict.limits,
            "own_status": verdict.own_status.value if verdict.own_status is not None else None,
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
