"""What a model remembers, brought to where it should be before an inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hil.data import Vectors
from hil.device import Device
from hil.model.info import ModelInfo

STEADY_STEP = 1


def starts_of(model: ModelInfo, vectors: Vectors) -> tuple[int, ...]:
    """The vectors before which `model` must be reset: none when it has no state."""
    return vectors.starts if model.has_state else ()


def restore(
    device: Device,
    model: ModelInfo,
    vectors: Vectors,
    index: int,
    timeout_s: float,
    is_working: Callable[[], bool] | None = None,
) -> None:
    """Brings a model with state to where it is before vector `index`: it is reset, and the steps of
    the same sequence before `index` are run. Does nothing to a model without state.

    Raises what Device.reset and Device.infer raise.
    """
    if not model.has_state:
        return
    device.reset()
    for earlier in range(vectors.start_of(index), index):
        device.infer(vectors.input_bytes(earlier), timeout_s, is_working)


def typical_vector(model: ModelInfo, vectors: Vectors) -> int:
    """The vector whose inference stands for the others: the first one, but for models with state
    the second step, as the first one may initialize variables.
    """
    lengths = vectors.sequence_lengths or (vectors.count,)
    return STEADY_STEP if model.has_state and lengths[0] > STEADY_STEP else 0


def steps_through(model: ModelInfo, vectors: Vectors, index: int) -> Sequence[Sequence[bytes]]:
    """The inputs of every inference from a reset on that vector `index` needs, itself the last."""
    first = vectors.start_of(index) if model.has_state else index
    return [vectors.input_bytes(i) for i in range(first, index + 1)]
