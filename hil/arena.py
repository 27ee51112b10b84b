"""How much arena a model really needs, found on the device without programming it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.device import Device
from hil.errors import BenchError, DeviceFault, LinkError, LinkTimeout, UnsupportedModel
from hil.link.messages import MemoryReply

STEP_BYTES = 16  # TFLM aligns what is in the arena to this


@dataclass(frozen=True)
class ArenaTruth:
    """Sizes in bytes.

    `minimum_bytes` is the smallest arena, to STEP_BYTES, in which the model allocates, runs and
    gives the same outputs, without a write beyond it. `used_bytes` is what TFLM reports, head and
    tail its parts. The touched ones are words that were really written to, after allocation and
    after an inference, in an arena of `capacity_bytes`. `stack_used_bytes` is the most stack in
    use at any time; None where the stack cannot be told.
    """

    minimum_bytes: int
    used_bytes: int
    head_bytes: int
    tail_bytes: int
    capacity_bytes: int
    touched_after_allocate_bytes: int
    touched_after_inference_bytes: int
    stack_bytes: int | None
    stack_used_bytes: int | None
    allocations: int


def measure_arena(
    device: Device,
    steps: Sequence[Sequence[bytes]],
    timeout_s: float,
    restart: Callable[[], None],
    watchdog: Callable[[], Callable[[], bool]] | None = None,
) -> ArenaTruth:
    """Searches, with one vector as the test of whether an arena works: `steps` holds its inputs,
    and of a model with state before them those of every step since it began.

    `restart` brings a device back that an arena too small has crashed; `watchdog` makes one for
    each inference. Raises what Device raises when even the whole arena does not work, and LinkError
    when the line fails; at the end the device has the whole arena again.
    """
    device.memory(poison=True)
    whole = device.allocate()
    allocated = device.memory()

    def infer() -> tuple[bytes, ...]:
        outputs: list[bytes] = []
        for inputs in steps:
            is_working = watchdog() if watchdog is not None else None
            outputs += device.infer(inputs, timeout_s, is_working).outputs
        return tuple(outputs)

    expected = infer()
    inferred = device.memory()
    search = _Search(device, infer, expected, restart)
    minimum = search.smallest(whole.arena_used_bytes, whole.arena_bytes)
    device.allocate()
    return ArenaTruth(
        minimum_bytes=minimum,
        used_bytes=whole.arena_used_bytes,
        head_bytes=whole.arena_head_bytes,
        tail_bytes=whole.arena_tail_bytes,
        capacity_bytes=whole.arena_bytes,
        touched_after_allocate_bytes=allocated.arena_touched_bytes,
        touched_after_inference_bytes=inferred.arena_touched_bytes,
        stack_bytes=_known(inferred, inferred.stack_bytes),
        stack_used_bytes=_known(inferred, inferred.stack_used_bytes),
        allocations=search.allocations,
    )


def _known(memory: MemoryReply, value: int) -> int | None:
    return value if memory.stack_bytes else None


class _Search:
    """Bisection between an arena that works and one that does not."""

    def __init__(
        self,
        device: Device,
        infer: Callable[[], tuple[bytes, ...]],
        expected: tuple[bytes, ...],
        restart: Callable[[], None],
    ) -> None:
        self._device = device
        self._infer = infer
        self._expected = expected
        self._restart = restart
        self.allocations = 0

    def smallest(self, used_bytes: int, capacity_bytes: int) -> int:
        """The smallest arena that works; what TFLM reports as used is only the first guess."""
        fails, works = 0, _rounded_up(used_bytes)
        step = STEP_BYTES
        while works < capacity_bytes and not self._works(works):
            fails, works = works, min(_rounded_up(works + step), capacity_bytes)
            step *= 2
        while works - fails > STEP_BYTES:
            middle = _rounded_up((fails + works) // 2)
            if self._works(middle):
                works = middle
            else:
                fails = middle
        return works

    def _works(self, arena_bytes: int) -> bool:
        """Whether the model runs in so much. A damaged line says nothing of that: it is raised."""
        self.allocations += 1
        try:
            self._device.memory(poison=True)
            self._device.allocate(arena_bytes)
            outputs = self._infer()
            beyond = self._device.memory().beyond_touched_bytes
        except UnsupportedModel:
            return False
        except (DeviceFault, LinkTimeout):
            self._restart()
            return False
        return outputs == self._expected and beyond == 0


def _rounded_up(size: int) -> int:
    return (size + STEP_BYTES - 1) // STEP_BYTES * STEP_BYTES


def restarter(reset: Callable[[], None], greet: Callable[[], object]) -> Callable[[], None]:
    """Resets a board and waits until its firmware answers again. Raises BenchError."""

    def restart() -> None:
        reset()
        try:
            greet()
        except LinkError as error:
            raise BenchError(
                "the board does not come back after a crash", detail=str(error), step="arena"
            ) from error

    return restart
