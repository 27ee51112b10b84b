"""What a test knows of a rule: a model that shows it, and the model that the remedy makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.models import Model

CMSIS_NN, REFERENCE = "cmsis_nn", "reference"


class Happens(StrEnum):
    """What the tree does with a model that a rule refuses."""

    WRONG = "computes other values than LiteRT"
    ACCEPTED = "computes what LiteRT refuses"
    REFUSED = "refuses it in Prepare"
    AT_INVOKE = "refuses it at Invoke"
    HALTS = "halts at a failed check"
    CRASHES = "reads or writes where nothing is: it faults, or computes other values"
    OVERWRITES = "writes past an array; the compiler decides what follows: not asserted"
    UNSET = "depends on what was in memory"
    SHARED = "computes as LiteRT, which has the same fault"


@dataclass(frozen=True)
class RuleCase:
    """`says` is in the reason, `remedy` in the remedy that `fixed` applies; without `fixed` the
    remedy cannot be applied to a file. `fixed_kernels` compute it, `tolerance` is in units of the
    output: LiteRT rounds some operators otherwise than TFLM of any library, the wheel included.
    """

    name: str
    model: Model
    says: str
    happens: Happens
    remedy: str
    fixed: Model | None = None
    kernels: str = CMSIS_NN
    fixed_kernels: str = CMSIS_NN
    tolerance: int = 0


def on_reference(
    name: str, model: Model, says: str, happens: Happens, tolerance: int = 0
) -> RuleCase:
    """A case whose remedy is the other kernel library."""
    return RuleCase(
        name,
        model,
        says,
        happens,
        "with the reference kernels",
        model,
        fixed_kernels=REFERENCE,
        tolerance=tolerance,
    )
