"""Suites: models, a data set, checks and limits, in a folder with a `suite.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hil.config_file import Table, read_toml, validate
from hil.errors import ConfigError
from hil.vocab import Better, CheckName

SCHEMA = 1
METRICS = ("top1", "topk", "auc", "mae", "rmse")
DATA_PREFIX = "data:"
_DIRECTIONS = {
    "top1": Better.HIGHER,
    "topk": Better.HIGHER,
    "auc": Better.HIGHER,
    "mae": Better.LOWER,
    "rmse": Better.LOWER,
}


class Header(Table):
    """`[hil]`: what makes a suite.toml ours."""

    schema_: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[\w-]+$")
    description: str = ""


class Data(Table):
    """`[data]`: the module with the vectors, relative to the suite's folder.

    `host_function` names one that gives more of them, for LiteRT on the host alone.
    """

    module: str = "data.py"
    function: str = "test_data"
    host_function: str | None = None


class Metric(Table):
    """`[metric]`: how accuracy is measured, and which direction is better.

    `over` says what of a sequence is scored: each of its steps, its last one, or the mean of them.
    """

    name: str
    k: int | None = Field(default=None, ge=1)
    over: Literal["step", "last", "mean"] = "step"
    direction: Literal["higher", "lower"] | None = None

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.name.startswith(DATA_PREFIX):
            if self.direction is None:
                raise ValueError(f"metric {self.name} needs a direction: higher or lower")
        elif self.name not in METRICS:
            known = ", ".join(METRICS)
            raise ValueError(f"no metric {self.name!r}; there are {known} and data:FUNCTION")
        if (self.name == "topk") != (self.k is not None):
            raise ValueError("k belongs to metric topk, and topk needs it")
        return self

    @property
    def better(self) -> Better:
        """The direction in which it improves."""
        return Better(self.direction) if self.direction else _DIRECTIONS[self.name]

    @property
    def function(self) -> str | None:
        """The function of the data module that computes it, or None."""
        prefix = DATA_PREFIX
        return self.name.removeprefix(prefix) if self.name.startswith(prefix) else None


class OutputsCheck(Table):
    """Outputs against host TFLM: integers must be equal, floats within hil.checks.bounds; or all
    within `tolerance`, absolute and in the outputs' own unit.
    """

    tolerance: float | None = Field(default=None, ge=0)


class AccuracyCheck(Table):
    """The suite's metric on the device: at least `min`, or at most `max` where lower is better."""

    min: float | None = None
    max: float | None = None


class LatencyCheck(Table):
    """Median latency: in instructions on emulated boards, in milliseconds on real ones."""

    max_instructions: int | None = Field(default=None, gt=0)
    max_ms: float | None = Field(default=None, gt=0)


class SizeCheck(Table):
    """Bytes used."""

    max_bytes: int | None = Field(default=None, gt=0)


class Checks(Table):
    """`[checks]`: limits. A check without one passes as new."""

    outputs: OutputsCheck = OutputsCheck()
    accuracy: AccuracyCheck = AccuracyCheck()
    latency: LatencyCheck = LatencyCheck()
    arena: SizeCheck = SizeCheck()
    flash: SizeCheck = SizeCheck()


class GateLimits(Table):
    """`[gate]`: limits against a baseline that go before those of --hil-gate (docs/nightly.md)."""

    limits: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _list_to_tuple(cls, table: Any) -> Any:
        if isinstance(table, dict) and isinstance(table.get("limits"), list):
            return table | {"limits": tuple(table["limits"])}
        return table


class SuiteModel(Table):
    """`[[model]]`: a file of the suite, and limits of its own that go before the suite's.

    `function` names one of the data module that gives its vectors, in place of the suite's.
    """

    file: str
    function: str | None = None
    name: str | None = Field(default=None, pattern=r"^[\w-]+$")
    checks: Checks = Checks()
    gate: GateLimits = GateLimits()

    @property
    def label(self) -> str:
        """Its name in ids and reports."""
        return self.name or Path(self.file).stem


class _File(Table):
    hil: Header
    data: Data = Data()
    metric: Metric | None = None
    model: tuple[SuiteModel, ...] = Field(min_length=1)
    checks: Checks = Checks()
    gate: GateLimits = GateLimits()

    @model_validator(mode="before")
    @classmethod
    def _list_to_tuple(cls, table: Any) -> Any:
        if isinstance(table, dict) and isinstance(table.get("model"), list):
            return table | {"model": tuple(table["model"])}
        return table


class Suite(Table):
    """A loaded suite. Paths are absolute."""

    name: str
    description: str
    folder: Path
    data_path: Path
    data_function: str
    host_function: str | None = None
    metric: Metric | None
    models: tuple[SuiteModel, ...]
    checks: Checks
    gate: GateLimits = GateLimits()

    def model_path(self, model: SuiteModel) -> Path:
        """Where the model's file is."""
        return self.folder / model.file

    def limits(self, model: SuiteModel) -> Checks:
        """The suite's limits with the model's own laid over them."""
        merged = {}
        for check in CheckName:
            common = getattr(self.checks, check.value)
            own = getattr(model.checks, check.value)
            merged[check.value] = common.model_copy(update=own.model_dump(exclude_unset=True))
        return Checks(**merged)


def is_suite_file(path: Path) -> bool:
    """Whether a `suite.toml` is ours: it has a table [hil]."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return _looks_like_ours(path)
    return isinstance(tables.get("hil"), dict)


def _looks_like_ours(path: Path) -> bool:
    """A broken file is still ours, and worth an error, when a table says so."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip() == "[hil]" for line in lines)


def load_suite(path: Path) -> Suite:
    """The suite of a `suite.toml`. Raises ConfigError that names the file and the key."""
    file = validate(_File, read_toml(path), path)
    folder = path.parent.resolve()
    labels = [model.label for model in file.model]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigError(f"{path}: two models are called {label!r}", hint="give one a name")
    suite = Suite(
        name=file.hil.name,
        description=file.hil.description,
        folder=folder,
        data_path=_inside(folder, file.data.module, path),
        data_function=file.data.function,
        host_function=file.data.host_function,
        metric=file.metric,
        models=tuple(_checked(folder, model, path) for model in file.model),
        checks=file.checks,
        gate=file.gate,
    )
    _check_limits(suite, path)
    return suite


def _check_limits(suite: Suite, path: Path) -> None:
    """A limit that nothing is held to would pass for one. Raises ConfigError."""
    for model in suite.models:
        limits = suite.limits(model).accuracy
        given = [name for name in ("min", "max") if getattr(limits, name) is not None]
        if not given:
            continue
        if suite.metric is None:
            raise ConfigError(
                f"{path}: checks.accuracy has {given[0]}, but there is no metric",
                hint='add [metric] with a name, as in name = "top1"',
            )
        right = "min" if suite.metric.better is Better.HIGHER else "max"
        if given != [right]:
            raise ConfigError(
                f"{path}: checks.accuracy has {' and '.join(given)}, but of "
                f"{suite.metric.name} {suite.metric.better} is better",
                hint=f"give {right} alone",
            )


def _checked(folder: Path, model: SuiteModel, path: Path) -> SuiteModel:
    _inside(folder, model.file, path)
    return model


def _inside(folder: Path, name: str, path: Path) -> Path:
    """`name` within the suite's folder. Raises ConfigError when it is missing or outside."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder):
        raise ConfigError(f"{path}: {name} lies outside the suite's folder")
    if not target.is_file():
        raise ConfigError(f"{path}: {name} is not there", hint=f"looked in {folder}")
    return target
