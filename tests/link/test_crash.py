from __future__ import annotations

from hil.link.codes import CrashKind
from hil.link.crash import describe, headline
from hil.link.messages import Crash


def crash(**fields: int) -> Crash:
    values = dict.fromkeys((field.name for field in Crash.LAYOUT), 0)
    return Crash(**(values | fields))


def test_a_failed_check_names_its_caller() -> None:
    assert "failed check, called from 0x08000456" in headline(
        crash(kind=CrashKind.CHECK, pc=0x8000456)
    )


def test_a_fault_names_kind_and_place() -> None:
    text = headline(crash(kind=CrashKind.USAGE_FAULT, frame_valid=1, pc=0x8000123))
    assert text == "the firmware crashed (usage fault) at pc 0x08000123"


def test_an_unusable_stack_is_said_to_be_one() -> None:
    assert "unusable stack" in headline(crash(kind=CrashKind.HARD_FAULT))


def test_an_unknown_exception_is_numbered() -> None:
    assert "exception 42" in headline(crash(kind=42))


def test_causes_come_first_then_registers_then_the_last_text() -> None:
    lines = describe(crash(cfsr=1 << 12, hfsr=1 << 30, sp=0x1FFFFF00), "one\ntwo\n").splitlines()
    assert "STKERR" in lines[0]
    assert "FORCED" in lines[1]
    assert "sp=0x1fffff00" in lines[2]
    assert lines[3] == "last text: two"
