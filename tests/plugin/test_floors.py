"""A gate on real boards knows their noise: the session asks the history for it, once per target."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hil.gate.baseline import Baseline
from hil.gate.expression import parse_expressions
from hil.gate.gate import Gate
from hil.plugin import session as session_module
from hil.plugin.session import HilSession
from hil.record import RunRecord, Verdict
from hil.store.store import open_store
from hil.store.stored import StoredRun
from hil.vocab import CheckName, Status
from tests.entries import hardware_entry, hardware_record
from tests.stored import make_run

STEADY = [10_000] * 20
SLOWER = [10_300] * 20  # 3 %, which is less than what A/A runs here differ by


def session_at(root: Path, record: RunRecord) -> HilSession:
    """A session whose broker has measured `record` already."""
    made = HilSession.__new__(HilSession)
    config = SimpleNamespace(
        rootpath=root, inipath=root / "pytest.ini", invocation_params=SimpleNamespace(dir=root)
    )
    gate = Gate(
        Baseline("night", (hardware_entry(STEADY),)), parse_expressions(["latency.median:+2%"])
    )
    own = Verdict(check=CheckName.LATENCY, status=Status.PASS, reason="fine")
    broker = SimpleNamespace(
        verdict=lambda *_: own, outcome=lambda _: SimpleNamespace(record=record)
    )
    options = SimpleNamespace(no_store=False, store=None)
    fields: dict[str, Any] = {
        "gate": gate,
        "_config": config,
        "broker": broker,
        "options": options,
        "_floors": {},
    }
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def aa_runs(root: Path, *medians: int) -> None:
    store = open_store(str(root / ".hil" / "history.sqlite"))
    for number, median in enumerate(medians):
        run: StoredRun = make_run(number, hardware_record([median] * 20))
        store.add_run(run)
    store.close()


def judged(root: Path, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    record = hardware_record(SLOWER)
    session = session_at(root, record)
    monkeypatch.setattr(session_module, "special_limits", lambda *_: [])
    monkeypatch.setattr(session, "_more", lambda _: None)
    key: Any = None
    return session.verdict(key, CheckName.LATENCY, key)


def test_what_lies_within_the_boards_own_noise_does_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aa_runs(tmp_path, 10_000, 10_400, 10_000, 10_400, 10_000)
    verdict = judged(tmp_path, monkeypatch)
    assert verdict.status is Status.PASS
    assert verdict.gate[0].outcome == "inconclusive"
    assert "noise floor 4.00% of 4 A/A pairs included" in verdict.gate[0].reason


def test_a_quiet_board_is_told_when_it_gets_slower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aa_runs(tmp_path, 10_000, 10_001, 10_000, 10_001)
    assert judged(tmp_path, monkeypatch).status is Status.FAIL
