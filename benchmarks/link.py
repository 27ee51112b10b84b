"""Programming a board, and how long a request takes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from time import perf_counter

from benchmarks import rig
from benchmarks.figure import Figure, seconds
from hil.bench.emulated import EmulatedBoard
from hil.child import ChildProcess
from hil.device import Device
from hil.firmware.image import Image
from hil.flash.pyocd_flasher import MODULE
from hil.link.client import LinkClient
from hil.link.messages import Write, WriteReply

IMAGE_BYTES = 225_000
PAYLOAD_BYTES = 64 - Write.layout().size
REQUESTS = 2000
STARTS = 5


def figures() -> Iterator[Figure]:
    """From no board to its hello, with an image of 225 KB; request and reply of 64 bytes."""
    image = _padded_image()
    size = image.sizes.flash_bytes
    first, warm = [], []
    child = ChildProcess(MODULE)
    child.call("probes", {}, timeout_s=60)  # loads pyOCD
    for _ in range(STARTS):
        start = perf_counter()
        board = EmulatedBoard(rig.target())
        _program_and_greet(board, image)
        first.append(perf_counter() - start)
        board.close()
        start = perf_counter()
        again = EmulatedBoard(rig.target(), flasher_child=child)
        _program_and_greet(again, image)
        warm.append(perf_counter() - start)
        again.close()
    child.close()
    yield Figure(f"board start to hello, {size:,} bytes, first time", "s", first, at_most=2.0)
    yield Figure(f"board start to hello, {size:,} bytes, warm flasher", "s", warm, at_most=1.0)
    with rig.running("digits_int8") as device:
        message = Write(0, 0, bytes(PAYLOAD_BYTES))
        times = seconds(lambda: device.client.request(message, WriteReply), REQUESTS)
    yield Figure("request of 64 bytes and its reply", "ms", [t * 1e3 for t in times], at_most=0.5)


def _program_and_greet(board: EmulatedBoard, image: Image) -> None:
    board.flasher.program(image.path)
    port = board.open_port()
    board.flasher.reset()
    device = Device(LinkClient(port))
    device.hello(image, rig.target())
    device.close()


def _padded_image() -> Image:
    """An image of about IMAGE_BYTES: a model whose file has random bytes at its end."""
    model = rig.model("digits_int8")
    bare = rig.image("digits_int8").sizes
    padding = random.Random(1).randbytes(IMAGE_BYTES - bare.flash_bytes)
    content = model.content + padding
    padded = replace(
        model, content=content, file_bytes=len(content), sha256=sha256(content).hexdigest()
    )
    return rig.builder().build(padded)
