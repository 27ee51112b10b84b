"""How fast the emulated core is on TFLM inference, and what exact counting costs."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from time import perf_counter

from elftools.elf.elffile import ELFFile

from benchmarks import rig
from benchmarks.figure import Figure
from hil.emulator.board import Board, Wiring
from hil.emulator.chip import load_chip
from hil.link.client import LinkClient
from hil.link.messages import Allocate, AllocateReply, Infer, InferReply
from hil.link.port import SerialPort

PAIRS = 7
INFERENCES = 60


def figures() -> Iterator[Figure]:
    """Instructions per second with and without counting, in turn; the ratio pair by pair."""
    for name in rig.MODELS:
        counted, plain = [], []
        for _ in range(PAIRS):
            counted.append(_speed(name, counting=True))
            plain.append(_speed(name, counting=False))
        yield Figure(f"{name}, exact counting", "M instructions/s", [s / 1e6 for s in counted])
        ratios = [with_ / without for with_, without in zip(counted, plain, strict=True)]
        yield Figure(f"{name}, counting / not counting", "x", ratios, at_least=0.8)


def _speed(name: str, *, counting: bool) -> float:
    """Emulated instructions per second of host time, over INFERENCES inferences."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    target = rig.target()
    serial = target.serial
    wiring = Wiring(target.clock.hse_hz, serial.instance, serial.tx, serial.rx)
    board = Board(load_chip("stm32f746"), wiring, ours)
    with rig.image(name).path.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            if segment["p_filesz"]:
                board.load(segment["p_paddr"], segment.data())
    board.reset()
    client = LinkClient(SerialPort(os.ttyname(theirs), serial.baud))
    client.hello(10)
    client.request(Allocate(0), AllocateReply)
    cycles = client.request(Infer(), InferReply).cycles
    if not counting:
        board.halt()
        board.stop_counting()
        board.resume()
    start = perf_counter()
    for _ in range(INFERENCES):
        client.request(Infer(), InferReply, timeout_s=60, may_take_long=True)
    elapsed_s = perf_counter() - start
    client.close()
    if counting:
        board.close()
        os.close(ours)
    os.close(theirs)
    return cycles * INFERENCES / elapsed_s
