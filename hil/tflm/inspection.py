"""What a folder's TFLM tree is: marks, commit, kernel libraries, operators, and what it lacks."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from hil.tflm.detect import detect_tree
from hil.tflm.generation import Operator
from hil.tflm.source import TflmSource
from hil.tflm.third_party import Problem

GIT_TIMEOUT_S = 10.0
MARKS_OF_2020 = (
    "checkout, .cc files, tensorflow/lite/micro/tools/make/downloads/",
    "TfLiteRegistration, versions; DebugLog takes finished text; interpreter with ErrorReporter",
    "SimpleMemoryAllocator; schema in tensorflow/lite",
)


@dataclass(frozen=True)
class Commit:
    """The commit of a checkout; `date` is ISO 8601."""

    sha: str
    date: str


@dataclass(frozen=True)
class Inspection:
    """A tree as `hil tflm inspect` shows it. `operators` are by name; with `problems` the tree
    cannot be built as it is.
    """

    root: Path
    generation: str
    title: str
    marks: tuple[str, ...]
    commit: Commit | None
    libraries: tuple[str, ...]
    operators: tuple[Operator, ...]
    problems: tuple[Problem, ...]
    digest: str


def inspect_tree(folder: Path) -> Inspection:
    """Looks at the tree in `folder`. Raises ConfigError when it is none that hil takes."""
    found = detect_tree(folder)
    source = TflmSource(found.root, f"folder {folder.name}", found.generation)
    return Inspection(
        root=found.root,
        generation=found.generation.name,
        title=found.generation.title,
        marks=tuple(found.marks.lines()) if found.marks is not None else MARKS_OF_2020,
        commit=_commit(found.root),
        libraries=tuple(library.name for library in source.libraries),
        operators=tuple(source.operators[name] for name in sorted(source.operators)),
        problems=found.problems,
        digest=source.digest,
    )


def _commit(root: Path) -> Commit | None:
    """The commit that `root` was checked out from; None for a copy inside another repository."""
    home = next((each for each in (root, root.parent) if (each / ".git").exists()), None)
    if home is None:
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(home), "log", "-1", "--format=%H %cI"],
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    sha, _, date = done.stdout.strip().partition(" ")
    return Commit(sha, date) if done.returncode == 0 and date else None
