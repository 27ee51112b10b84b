"""Baselines as files: `reports/baselines/NAME/TARGET-KIND-SUITE.json`, made to be reviewed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hil.errors import ConfigError, did_you_mean
from hil.files import write_whole
from hil.frozen import Record
from hil.gate.entry import BaselineEntry
from hil.record import RunResult
from hil.vocab import CheckName, Kind, Scheme, Status

SCHEMA = 1
FOLDER = Path("reports/baselines")
GOOD = (Status.PASS, Status.NEW, Status.SKIP)
_NAME = re.compile(r"[\w.-]*\w")


class Key(Record):
    """What finds an entry. Kernel libraries tell runs apart only where several were swept."""

    suite: str
    model: str
    scheme: Scheme
    target: str
    kind: Kind
    kernels: str

    def __str__(self) -> str:
        return f"{self.model} ({self.scheme}, {self.kernels}) of {self.suite} on {self.target}"

    @property
    def place(self) -> tuple[str, ...]:
        """To sort by."""
        return (self.target, self.kind, self.suite, self.model, self.scheme, self.kernels)

    @classmethod
    def of(cls, entry: BaselineEntry) -> Key:
        """The key of an entry."""
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


class _File(Record):
    schema_version: int
    entries: tuple[BaselineEntry, ...]


@dataclass(frozen=True)
class Baseline:
    """A named set of entries, at most one for each key."""

    name: str
    entries: tuple[BaselineEntry, ...] = ()

    def find(self, run: BaselineEntry, *, swept: bool) -> BaselineEntry | None:
        """What `run` is held against. Unless kernel libraries were swept, an entry of another
        library serves too, if it is the only one: then the library is a suspect, not a key.
        """
        same = [entry for entry in self.entries if _is_same_but_kernels(entry, run)]
        exact = next((entry for entry in same if entry.kernels == run.kernels), None)
        if exact is not None or swept or len(same) != 1:
            return exact
        return same[0]

    def has_several(self, run: BaselineEntry) -> bool:
        """Whether there are entries of several kernel libraries for such a run."""
        return _is_swept(self.entries, run)

    def updated(self, entries: Iterable[BaselineEntry]) -> Baseline:
        """With `entries` in the place of those that they would be held against."""
        entries = tuple(entries)
        renewed = [self.find(e, swept=_is_swept(entries, e)) for e in entries]
        kept = [entry for entry in self.entries if not any(entry is each for each in renewed)]
        by_key = {Key.of(entry).place: entry for entry in (*kept, *entries)}
        return Baseline(self.name, tuple(by_key[place] for place in sorted(by_key)))


def _is_same_but_kernels(entry: BaselineEntry, run: BaselineEntry) -> bool:
    names = ("suite", "model", "scheme", "target", "kind")
    return all(getattr(entry, name) == getattr(run, name) for name in names)


def _is_swept(entries: Iterable[BaselineEntry], entry: BaselineEntry) -> bool:
    """Whether several kernel libraries of one run are among the entries."""
    return sum(_is_same_but_kernels(each, entry) for each in entries) > 1


# ---- what may become one


def entries_of(runs: Sequence[RunResult], *, accept: bool = False) -> tuple[BaselineEntry, ...]:
    """Entries of all runs that have a result; those that cannot run on the target are left out.

    Raises ConfigError that names every run that failed or is not complete: nothing is to be held
    against what was wrong already. With `accept` what only a gate said no to is taken.
    """
    refused = [
        f"{run.model} on {run.target}: {why}" for run in runs if (why := _refusal(run, accept))
    ]
    if refused:
        raise ConfigError(
            "a failed or incomplete run is no baseline:\n  " + "\n  ".join(refused),
            hint="make them pass, choose others with --suite and --model, or take what failed by "
            "the gate alone with --despite-gate",
        )
    entries = measured_entries(runs)
    if not entries:
        raise ConfigError("no run has a result", hint="run pytest --target NAME first")
    return entries


def measured_entries(runs: Iterable[RunResult]) -> tuple[BaselineEntry, ...]:
    """Entries of all runs of suites that have a result, whatever their verdicts."""
    records = [run.record for run in runs if run.record is not None]
    return tuple(BaselineEntry.of(record) for record in records if record.suite is not None)


def _refusal(run: RunResult, accept: bool) -> str:
    """Why a run is no baseline; "" when it may be one, or has nothing to give."""
    if run.status is Status.UNSUPPORTED:
        return ""
    for check, verdict in run.verdicts.items():
        own = verdict.own_status if accept else None
        if (own or verdict.status) not in GOOD:
            return f"{check.value} is {verdict.status.value}"
    if run.record is None:
        return run.reason or "no result"
    if run.suite is None:
        return "it belongs to no suite"
    missing = [check.value for check in CheckName if check not in run.verdicts]
    return f"not judged: {', '.join(missing)}" if missing else ""


# ---- files


def baseline_names(folder: Path) -> list[str]:
    """Names of the baselines in `folder`, sorted."""
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and _files(path))


def load_baseline(folder: Path, name: str) -> Baseline:
    """The baseline called `name`. Raises ConfigError when there is none, or a file is unusable."""
    check_name(name)
    paths = _files(folder / name)
    if not paths:
        raise ConfigError(
            f"there is no baseline {name!r} in {folder}",
            hint=did_you_mean(name, baseline_names(folder))
            + f"; `hil baseline set {name}` makes one of the last session",
        )
    entries = [entry for path in paths for entry in _load(path)]
    keys = [Key.of(entry) for entry in entries]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"baseline {name} has two entries of {key}")
    return Baseline(name).updated(entries)


def save_baseline(folder: Path, baseline: Baseline) -> list[Path]:
    """Writes one file per target, kind and suite, sorted; gives those whose content changed.

    Files of which no entry is left are removed. Raises ConfigError.
    """
    check_name(baseline.name)
    home = folder / baseline.name
    groups: dict[str, list[BaselineEntry]] = {}
    for entry in baseline.entries:
        name = f"{entry.target}-{entry.kind.value}-{entry.suite}.json"
        groups.setdefault(name, []).append(entry)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make {home}: {error.strerror or error}") from error
    changed = []
    for name, entries in sorted(groups.items()):
        path, content = home / name, _text(entries).encode()
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
            changed.append(path)
    for path in _files(home):
        if path.name not in groups:
            path.unlink()
            changed.append(path)
    return changed


def check_name(name: str) -> None:
    """Raises ConfigError when `name` cannot name a folder."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a baseline", hint="use letters, digits, - _ and .")


def _files(home: Path) -> list[Path]:
    return sorted(home.glob("*.json"))


def _load(path: Path) -> tuple[BaselineEntry, ...]:
    try:
        file = _File.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"{path} is no baseline: {where}: {first['msg']}",
            hint="restore it from version control, or set it anew with `hil baseline set`",
        ) from error
    if file.schema_version != SCHEMA:
        raise ConfigError(f"{path} has schema {file.schema_version}, this hil reads {SCHEMA}")
    return file.entries


def _text(entries: Sequence[BaselineEntry]) -> str:
    """JSON whose diffs are small: a figure a line, an operator a line, samples in one."""
    rows = [entry.model_dump(mode="json", exclude_none=True) for entry in entries]
    document = {"schema_version": SCHEMA, "entries": rows}
    return "".join(_lines(document, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """`value` as JSON: what holds nothing but plain values below the entries stands in one line."""
    is_flat = not isinstance(value, dict | list) or not value
    is_row = depth >= 4 and isinstance(value, dict)
    is_list_of_values = isinstance(value, list) and not any(isinstance(v, dict) for v in value)
    if is_flat or is_row or is_list_of_values:
        yield json.dumps(value, allow_nan=False)
        return
    pad = " " * (depth + 1)
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    yield opening
    for number, (key, item) in enumerate(items):
        yield ("," if number else "") + f"\n{pad}"
        if key is not None:
            yield f"{json.dumps(key)}: "
        yield from _lines(item, depth + 1)
    yield f"\n{' ' * depth}{closing}"
