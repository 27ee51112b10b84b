from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from hil.comparison import Comparison, TensorComparison
from hil.errors import ConfigError
from hil.files import write_whole
from hil.record import (
    GateAnswer,
    HostOnly,
    HostScore,
    Metrics,
    OperatorFigures,
    RunRecord,
    RunResult,
    Samples,
    Verdict,
)
from hil.report.json_report import run_as_json, write_json
from hil.vocab import CheckName, Scheme, Status
from tests.outcomes import make_record
from tests.runs import unsupported_run

RESULTS_DOC = Path(__file__).parents[2] / "docs" / "results.md"


def measured() -> RunResult:
    record = make_record()
    run = RunResult("digits", record.model, record.target, "reference", record=record)
    run.verdicts[CheckName.ARENA] = Verdict(
        check=CheckName.ARENA, status=Status.PASS, reason="fine", limits={"max_bytes": 6000}
    )
    return run


def test_a_run_has_identity_checks_metrics_and_samples() -> None:
    entry = run_as_json(measured())
    for key in ("suite", "model", "scheme", "target", "board", "kind", "kernels"):
        assert entry[key], key
    assert entry["checks"]["arena"] == {
        "status": "pass",
        "reason": "fine",
        "limits": {"max_bytes": 6000},
        "own_status": None,
        "gate": [],
    }
    assert entry["samples"]["latency_instructions"] == [990, 1010]
    assert entry["status"] == "pass"


def test_a_run_without_a_result_has_null_and_a_reason() -> None:
    run = RunResult("digits", "m", "stm32f746", "reference", reason="no probe")
    check = CheckName.ARENA
    run.verdicts[check] = Verdict(check=check, status=Status.ERROR, reason="no probe")
    entry = run_as_json(run)
    assert entry["metrics"] is None
    assert entry["absent"] == {"metrics": "no probe"}
    assert entry["status"] == "error"


def test_a_run_that_only_the_host_could_score_has_its_scheme_and_score() -> None:
    entry = run_as_json(unsupported_run(Scheme.DYNAMIC))
    assert entry["scheme"] == "dynamic"
    assert entry["status"] == "unsupported"
    assert entry["host_only"]["same_vectors"]["value"] == 0.84
    assert run_as_json(measured())["host_only"] is None


def test_the_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    write_json(path, [measured()])
    document = json.loads(path.read_text())
    assert document["schema"] == 1
    assert len(document["runs"]) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_whole(path, 5)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        write_json(tmp_path / "none" / "r.json", [measured()])


@pytest.mark.parametrize(
    "kind",
    [
        RunRecord,
        Metrics,
        Samples,
        Comparison,
        TensorComparison,
        OperatorFigures,
        GateAnswer,
        HostOnly,
        HostScore,
    ],
)
def test_the_documentation_names_every_field(kind: type[BaseModel]) -> None:
    text = RESULTS_DOC.read_text()
    for name in kind.model_fields:
        if name != "schema_version":
            assert re.search(rf"^\| `{name}` \|", text, re.M), f"{name} is not in docs/results.md"
