from __future__ import annotations

import pytest

from hil.bench.bench import Bench, BenchChoice
from hil.bench.named import NamedBoard
from hil.errors import BenchError, ConfigError
from hil.target import Target
from hil.vocab import Kind


@pytest.mark.emulated
def test_the_default_is_an_emulated_board_kept_for_the_session(target: Target) -> None:
    bench = Bench(BenchChoice())
    board = bench.board(target)
    assert board.kind is Kind.EMULATED
    assert bench.board(target) is board
    bench.close()


def test_a_named_probe_is_a_real_board(target: Target) -> None:
    bench = Bench(BenchChoice(probe_id="0669FF", port_url="/dev/ttyACM0"))
    board = bench.board(target)
    assert isinstance(board, NamedBoard)
    assert board.id == "0669FF"
    assert board.kind is Kind.HARDWARE
    bench.close()


def test_an_emulated_board_that_is_named_stays_emulated(target: Target) -> None:
    choice = BenchChoice(probe_id="emu-stm32f746-1", port_url="/dev/pts/7")
    assert Bench(choice).board(target).kind is Kind.EMULATED
    hardware_only = BenchChoice("hardware", "emu-stm32f746-1", "/dev/pts/7")
    with pytest.raises(BenchError, match="is an emulated board"):
        Bench(hardware_only).board(target)


def test_hardware_never_falls_back(target: Target) -> None:
    with pytest.raises(BenchError, match="rules out emulation"):
        Bench(BenchChoice(kind="hardware")).board(target)


@pytest.mark.parametrize(("probe", "port"), [("uid", None), (None, "/dev/ttyACM0")])
def test_probe_and_port_belong_together(probe: str | None, port: str | None) -> None:
    with pytest.raises(ConfigError, match="needs both"):
        BenchChoice(probe_id=probe, port_url=port)


def test_emulated_and_a_probe_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="contradict"):
        BenchChoice(kind="emulated", probe_id="uid", port_url="port")
