"""What users read when pyOCD fails in each of its ways: a session that fails as pyOCD's does."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
from pyocd.core import exceptions

from hil.bench.emulated import probe_settings
from hil.errors import BenchError, HilError
from hil.flash import pyocd_child
from hil.flash.pyocd_child import PyocdChild
from hil.target import Target

PROBE = "066BFF"


class FailingSession:
    """Stands for pyocd.core.session.Session; opening it raises."""

    error: exceptions.Error
    opened_with: dict[str, Any] = {}

    def __init__(self, probe: Any, *, options: dict[str, Any], **_: Any) -> None:
        self.probe = probe
        FailingSession.opened_with = options

    def open(self) -> None:
        raise self.error

    def close(self) -> None:
        pass


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The ST-LINK behind the one probe there is."""
    link = SimpleNamespace(target_voltage=3.3)
    probe = SimpleNamespace(unique_id=PROBE, _link=link)
    helper = SimpleNamespace(get_all_connected_probes=lambda **_: [probe])
    monkeypatch.setattr(pyocd_child, "ConnectHelper", helper)
    monkeypatch.setattr(pyocd_child, "Session", FailingSession)
    return link


def program(target: Target, probe_id: str = PROBE) -> HilError:
    settings = asdict(probe_settings(target, probe_id, 0.0))
    with pytest.raises(HilError) as caught:
        PyocdChild().program({"settings": settings, "image": "none.elf"}, lambda _: None)
    return caught.value


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            exceptions.ProbeError("USB Error: [Errno 16] Resource busy"),
            "is in use by another program",
            "close the debugger",
        ),
        (
            exceptions.ProbeError("Unable to claim interface for probe 066BFF"),
            "is in use by another program",
            "close the debugger",
        ),
        (
            exceptions.ProbeError("[Errno 13] Access denied (insufficient permissions)"),
            "may not be opened",
            "udev rule",
        ),
        (exceptions.TargetError("device is locked"), "finds a locked chip", "that erases it"),
        (
            exceptions.TransferError("No ACK received"),
            "gets no answer from the chip",
            "under-reset",
        ),
        (exceptions.TransferTimeoutError("timed out"), "timed out", "check the debug cable"),
        (exceptions.TargetSupportError("unknown"), "does not know target stm32f746xg", ""),
    ],
)
def test_each_failure_says_what_to_do(
    link: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    target: Target,
    error: exceptions.Error,
    message: str,
    hint: str,
) -> None:
    monkeypatch.setattr(FailingSession, "error", error, raising=False)
    said = program(target)
    assert isinstance(said, BenchError)
    assert message in said.message
    assert hint in said.hint


def test_a_board_without_power_is_named_as_such(
    link: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    error = exceptions.TransferError("No ACK received")
    monkeypatch.setattr(FailingSession, "error", error, raising=False)
    link.target_voltage = 0.02
    assert "measures 0.0 V at the board" in program(target).message


def test_no_probe_at_all_names_the_udev_rule(
    link: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    empty = SimpleNamespace(get_all_connected_probes=lambda **_: [])
    monkeypatch.setattr(pyocd_child, "ConnectHelper", empty)
    said = program(target)
    assert said.message == f"no probe {PROBE}"
    assert "udev rule" in said.hint


def test_nothing_is_unlocked_or_erased_for_the_user(
    link: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    error = exceptions.ProbeError("any")
    monkeypatch.setattr(FailingSession, "error", error, raising=False)
    program(target)
    assert FailingSession.opened_with["auto_unlock"] is False
    assert FailingSession.opened_with["connect_mode"] == target.probe.connect_mode
    assert FailingSession.opened_with["frequency"] == target.probe.frequency_hz
