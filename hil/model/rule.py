"""What a rule about one operator sees, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hil.model.info import ModelInfo, OperatorInfo, TensorInfo

F32, I8, U8, I16 = "FLOAT32", "INT8", "UINT8", "INT16"
I32, I64, BOOL = "INT32", "INT64", "BOOL"
# Operators that use a scale for each channel of their weights.
PER_CHANNEL = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
WITHOUT_A_WORD = "and give wrong results without a word"
SILENTLY = "wrong results without an error"


@dataclass(frozen=True)
class Finding:
    """Why an operator cannot run, and what its user can do; `place` is where TFLM's source says so,
    as documentation writes it.
    """

    reason: str
    remedy: str
    place: str = ""


@dataclass(frozen=True)
class Case:
    """An operator with its tensors; absent optional inputs are None. `kernels` is the name of the
    kernel library that is to compute it.
    """

    model: ModelInfo
    operator: OperatorInfo
    kernels: str

    @property
    def name(self) -> str:
        """The operator's name."""
        return self.operator.name

    def input(self, index: int) -> TensorInfo | None:
        """Input `index`, None when it is absent."""
        used = self.operator.inputs
        return self.model.tensors[used[index]] if index < len(used) and used[index] >= 0 else None

    @property
    def inputs(self) -> list[TensorInfo]:
        """The inputs that are there."""
        return [self.model.tensors[i] for i in self.operator.inputs if i >= 0]

    @property
    def output(self) -> TensorInfo | None:
        """The first output."""
        used = self.operator.outputs
        return self.model.tensors[used[0]] if used and used[0] >= 0 else None

    @property
    def outputs(self) -> list[TensorInfo]:
        """All outputs."""
        return [self.model.tensors[i] for i in self.operator.outputs if i >= 0]

    def option(self, name: str, default: int = 0) -> int:
        """One of the operator's options, by its name in the schema's object API."""
        return int((self.operator.options or {}).get(name, default))


Rule = Callable[[Case], Finding | None]


@dataclass(frozen=True)
class RuleSet:
    """What one generation's kernels refuse, get wrong without an error, or break on.

    `common` rules look at every operator, `own` ones at the operators of that name; both are asked
    in that order. `same_meaning` are (operator, version) pairs above the highest version that the
    tree's own table names, whose meaning did not change for what the rules let through.
    `instead_of` says what to do about operators that the generation lacks. `stops_at_unused`: it
    plans no memory for a tensor that is made and never read, or neither, and gives up.
    """

    common: tuple[Rule, ...] = ()
    own: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    same_meaning: frozenset[tuple[str, int]] = frozenset()
    instead_of: Mapping[str, str] = field(default_factory=dict)
    stops_at_unused: bool = False

    def findings(self, case: Case) -> list[Finding]:
        """Everything the rules have against an operator, the cause first, each reason once."""
        found = (rule(case) for rule in (*self.common, *self.own.get(case.name, ())))
        return list(dict.fromkeys(finding for finding in found if finding is not None))
