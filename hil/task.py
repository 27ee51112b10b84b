"""What is to be measured, however it is built and wherever it runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hil.data import Vectors
from hil.model.info import ModelInfo
from hil.rounds import DEFAULT_ROUNDS, RoundPolicy
from hil.suite import Metric
from hil.suite_data import SuiteData
from hil.target import Target
from hil.vocab import RunOrigin


@dataclass(frozen=True)
class Task:
    """One model, its vectors and the target. `kernel_files` are the names of TFLM's source files
    that hold kernels.
    """

    suite: str | None
    model: ModelInfo
    model_label: str
    vectors: Vectors
    metric: Metric | None
    data: SuiteData | None
    target: Target
    kernels: str
    kernel_files: Collection[str]
    rounds: RoundPolicy = DEFAULT_ROUNDS
    source_commit: str | None = None
    origin: RunOrigin = RunOrigin.SUITE
