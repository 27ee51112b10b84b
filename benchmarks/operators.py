"""A close look at one inference: profile, smallest arena, first diverging operator, sanity."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from benchmarks import rig
from benchmarks.figure import Figure, seconds
from hil.arena import measure_arena
from hil.bench.emulated import EmulatedBoard
from hil.bisect import first_divergence
from hil.data import random_vectors
from hil.device import start_device
from hil.firmware.host_build import HostBuilder
from hil.profile import measure_profile
from hil.reference.tree import start_tree
from hil.sanity import check_sanity

TIMEOUT_S = 60.0
REPEATS = 5


def figures() -> Iterator[Figure]:
    """Of each model: what the profile leaves unexplained; of HAR int8 also what searching costs."""
    for name in rig.MODELS:
        yield from _figures_of(name, everything=name == "har_int8")


def _figures_of(name: str, *, everything: bool) -> Iterator[Figure]:
    board = EmulatedBoard(rig.target())
    device = start_device(board, rig.image(name), rig.target())
    model = rig.model(name)
    vectors = random_vectors(model, 1, 0)
    inputs = vectors.input_bytes(0)
    empty_window = check_sanity(device, board, rig.target()).empty_window_cycles
    profile = measure_profile(device, model, inputs, empty_window, TIMEOUT_S)
    share = 100 * abs(profile.rest_cycles) / profile.clean_cycles
    yield Figure(f"{name}, whole without its operators", "%", [share], at_most=1)
    if everything:
        start = perf_counter()
        truth = measure_arena(device, [inputs], TIMEOUT_S, board.flasher.reset)
        yield Figure("smallest arena", "s", [perf_counter() - start], at_most=3)
        yield Figure("smallest arena", "allocations", [truth.allocations], at_most=20)
        checks = seconds(lambda: check_sanity(device, board, rig.target()), REPEATS)
        yield Figure("sanity of the board", "s", checks)
        host = start_tree(HostBuilder(rig.builder().tflm), model)
        bisecting = seconds(
            lambda: first_divergence(device, host, model, vectors, 0, TIMEOUT_S), REPEATS
        )
        yield Figure("all operators compared, none differs", "s", bisecting)
        host.close()
    device.close()
    board.close()
