"""Everything hil raises on purpose. Imports nothing, so that anything may import it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HilError(Exception):
    """Something went wrong and the user can do something about it.

    `hint` says what to do next, `board` and `step` say where it happened.
    """

    def __init__(
        self, message: str, *, hint: str = "", board: str = "", step: str = "", detail: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.board = board
        self.step = step
        self.detail = detail

    def __str__(self) -> str:
        where = ": ".join(part for part in (self.board, self.step) if part)
        text = f"{where}: {self.message}" if where else self.message
        if self.detail:
            text += f"\n{self.detail}"
        return f"{text}\nhint: {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        fields = {name: getattr(self, name) for name in ("hint", "board", "step", "detail")}
        return _rebuild, (type(self), self.message, fields)


def _rebuild(kind: type[HilError], message: str, fields: dict[str, str]) -> HilError:
    return kind(message, **fields)


class ConfigError(HilError):
    """An option, a target file, a suite file or a user's file says something unusable."""


class ModelError(HilError):
    """A file is not a model that anything here could run."""


class UnsupportedModel(HilError):
    """The model is sound but cannot run on this target with this TFLM; the reasons are given."""


class DataError(HilError):
    """A suite's vectors or labels, or a user's, do not fit the model."""


class BenchError(HilError):
    """No board, no probe, no port: nothing was said about the model."""


class BuildError(HilError):
    """An image could not be built."""


class FlashError(HilError):
    """An image could not be programmed, or reads back differently."""


class LinkError(HilError):
    """The serial link failed: silence, garbage, or an answer that cannot be the right one."""


class LinkTimeout(LinkError):
    """No answer within its deadline."""


class PortLost(LinkError):
    """The serial port went away while in use."""


class DeviceFault(HilError):
    """The firmware crashed or stopped; `detail` holds the registers it sent."""


class ReferenceFailure(HilError):
    """A host interpreter could not run the model."""


class StoreError(HilError):
    """The history cannot be opened, read or written."""


class BundleError(HilError):
    """A bundle cannot be written, read, or believed."""


class ReplayMismatch(HilError):
    """A replay does not go as the run did."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known words, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=2, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "known: " + (", ".join(names) if names else "none")
