"""What is in a bundle, as JSON that needs nothing but hil to be read."""

from __future__ import annotations

from typing import Any

from hil.frozen import Record
from hil.record import Verdict
from hil.vocab import RunOrigin

SCHEMA = 1
MANIFEST = "manifest.json"
IMAGE, MAP = "image.elf", "image.map"
MODEL, VECTORS, DATA = "model.tflite", "vectors.npz", "data.py"
FRAMES, REFERENCES = "frames.jsonl", "references.npz"
SETUP, RUN, VERDICTS = "setup.json", "run.json", "verdicts.json"
INPUT, LABELS = "input:", "labels"
SEQUENCE_LENGTHS = "sequence_lengths"


class ReferenceFacts(Record):
    """A host interpreter's answer but for its outputs; or `error`, why there is none."""

    label: str = ""
    latency_us: tuple[float, ...] = ()
    arena_bytes: int | None = None
    outputs: int = 0
    error: str = ""


class Failure(Record):
    """Why a run has no result."""

    kind: str
    message: str
    step: str


class Setup(Record):
    """How the run was set up: with this, model, vectors and frames everything else follows.

    `metric`, `limits` and `target` are tables as their files have them, resolved.
    """

    run_id: str
    started_utc: str
    duration_s: float
    suite: str | None
    model_label: str
    model_name: str
    target: dict[str, Any]
    kernels: str
    kernel_files: tuple[str, ...]
    metric: dict[str, Any] | None
    limits: dict[str, Any]
    samples: int
    source_commit: str | None
    origin: RunOrigin
    board: str
    kind: str
    vectors_source: str
    source_sha256: str | None
    references: dict[str, ReferenceFacts]
    failure: Failure | None = None


class Verdicts(Record):
    """What the run was judged to, by its limits alone."""

    verdicts: tuple[Verdict, ...]


class FileFacts(Record):
    """A file's digest and size."""

    sha256: str
    bytes: int


class Manifest(Record):
    """Every other file of the bundle. `digest` is of this very table without it."""

    schema_version: int = SCHEMA
    hil_version: str
    run_id: str
    model: str
    target: str
    kind: str
    files: dict[str, FileFacts]
    digest: str = ""
