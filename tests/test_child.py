from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from hil.child import ChildDied, ChildProcess
from hil.errors import FlashError, HilError

MODULE = "tests.child_for_tests"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> ChildProcess:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setenv("PYOCD_PROJECT_DIR", "/nowhere")
    return ChildProcess(MODULE, environment={"FOR_CHILD": "yes"})


def test_requests_are_answered_by_one_warm_process(child: ChildProcess) -> None:
    first = child.call("pid", {}, timeout_s=20)
    assert child.call("pid", {}, timeout_s=20) == first
    child.close()


def test_its_environment_has_what_was_given_and_nothing_of_pyocd(child: ChildProcess) -> None:
    environment = child.call("environment", {}, timeout_s=20)
    assert environment["FOR_CHILD"] == "yes"
    assert not [name for name in environment if name.startswith("PYOCD_")]
    child.close()


def test_progress_is_passed_on(child: ChildProcess) -> None:
    seen: list[float] = []
    child.call("count", {"to": 4}, timeout_s=20, on_progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]
    child.close()


def test_what_it_prints_does_not_disturb(child: ChildProcess) -> None:
    assert child.call("chatter", {}, timeout_s=20) == {"said": "enough"}
    child.close()


def test_our_errors_arrive_as_they_were_raised(child: ChildProcess) -> None:
    with pytest.raises(FlashError, match="worn out") as caught:
        child.call("fail", {}, timeout_s=20)
    assert (caught.value.hint, caught.value.step) == ("buy another", "program")
    child.close()


def test_other_exceptions_arrive_with_their_trace(child: ChildProcess) -> None:
    with pytest.raises(HilError, match="ZeroDivisionError") as caught:
        child.call("divide", {}, timeout_s=20)
    assert "Traceback" in caught.value.detail
    child.close()


def test_an_aborting_child_is_reported_with_its_last_words(child: ChildProcess) -> None:
    with pytest.raises(ChildDied, match="SIGABRT") as caught:
        child.call("abort", {}, timeout_s=20)
    assert "last words" in caught.value.detail
    child.close()


def test_an_exiting_child_is_reported_with_its_code(child: ChildProcess) -> None:
    with pytest.raises(ChildDied, match="exit code 3"):
        child.call("exit", {}, timeout_s=20)
    child.close()


def test_a_hanging_child_is_killed_at_its_deadline(child: ChildProcess) -> None:
    pid = child.call("pid", {}, timeout_s=20)["pid"]
    start = time.monotonic()
    with pytest.raises(ChildDied, match="did not answer within"):
        child.call("hang", {}, timeout_s=0.3)
    assert time.monotonic() - start < 5
    assert not Path(f"/proc/{pid}").exists()
    assert child.call("pid", {}, timeout_s=20)["pid"] != pid
    child.close()


def test_its_own_children_die_with_it(child: ChildProcess) -> None:
    grandchild = child.call("spawn", {}, timeout_s=20)["pid"]
    child.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{grandchild}").exists():
        stat = Path(f"/proc/{grandchild}/stat").read_text()
        if " Z " in stat:
            break
        assert time.monotonic() < deadline
    child.close()


def test_a_killed_child_is_started_again(child: ChildProcess) -> None:
    pid = child.call("pid", {}, timeout_s=20)["pid"]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ChildDied):
        while child.is_running:
            child.call("pid", {}, timeout_s=20)
        raise ChildDied("noticed")
    assert child.call("pid", {}, timeout_s=20)["pid"] != pid
    child.close()


def test_closing_twice_is_harmless(child: ChildProcess) -> None:
    child.start()
    child.close()
    child.close()
    assert not child.is_running
