"""Whether a bundle is what was written, and whether its parts belong together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hil.bundle.contents import (
    FRAMES,
    IMAGE,
    MODEL,
    RUN,
    SETUP,
    VECTORS,
    VERDICTS,
    Manifest,
    Setup,
    Verdicts,
)
from hil.bundle.events import read_recording
from hil.bundle.files import problems_of, read_json, read_manifest, read_vectors
from hil.errors import HilError
from hil.firmware.cache import file_sha256
from hil.firmware.image import read_image
from hil.link.codes import MessageType
from hil.link.frames import Frame
from hil.link.messages import HelloReply
from hil.record import RunRecord
from hil.repeat import model_in

WITH_RESULT = (IMAGE, RUN, VERDICTS)
ALWAYS = (SETUP, MODEL, VECTORS, FRAMES)


def verify(folder: Path) -> list[str]:
    """What is wrong with a bundle, a line each; nothing when all is well.

    Raises BundleError when the folder is none.
    """
    manifest = read_manifest(folder)
    problems = list(problems_of(folder, manifest))
    if problems:
        return problems  # what was changed needs no further reading
    try:
        return list(_inconsistencies(folder, manifest))
    except (HilError, KeyError, ValueError) as error:
        return [f"cannot be read: {error}"]


def _inconsistencies(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Whole files that do not belong together."""
    setup = read_json(folder / SETUP, Setup)
    wanted = (*ALWAYS, *(() if setup.failure is not None else WITH_RESULT))
    missing = [name for name in wanted if name not in manifest.files]
    if missing:
        yield f"not in the manifest: {', '.join(missing)}"
        return
    if manifest.run_id != setup.run_id:
        yield f"{SETUP} is of run {setup.run_id}, the manifest of {manifest.run_id}"
    model_sha256 = file_sha256(folder / MODEL)
    if IMAGE in manifest.files:
        yield from _of_image(folder, model_sha256)
    if setup.failure is None:
        yield from _of_record(folder, setup, model_sha256)


def _of_image(folder: Path, model_sha256: str) -> Iterator[str]:
    image = read_image(folder / IMAGE)
    if model_in(image).sha256 != model_sha256:
        yield f"{IMAGE} holds another model than {MODEL}"
    builds = {reply.build_id for reply in _hellos(folder)}
    if builds and image.build_id not in builds:
        yield f"{FRAMES}: build {next(iter(builds)).hex()[:12]} answered, {IMAGE} is another one"


def _hellos(folder: Path) -> Iterator[HelloReply]:
    for event in read_recording(folder / FRAMES).events:
        if isinstance(event.frame, Frame) and event.frame.type == MessageType.HELLO_REPLY:
            yield HelloReply.unpack(event.frame.payload)


def _of_record(folder: Path, setup: Setup, model_sha256: str) -> Iterator[str]:
    record = read_json(folder / RUN, RunRecord)
    read_json(folder / VERDICTS, Verdicts)
    vectors = read_vectors(folder / VECTORS, setup.vectors_source)
    pairs = (
        ("run id", record.run_id, setup.run_id),
        ("model", record.subject.model_sha256, model_sha256),
        ("build id", record.subject.build_id, read_image(folder / IMAGE).build_id_hex),
        ("vectors", record.condition.data_sha256, vectors.sha256),
        ("source of the vectors", record.condition.source_sha256, setup.source_sha256),
        ("target", record.target, setup.target["name"]),
        ("board", record.board, setup.board),
        ("kernels", record.kernels, setup.kernels),
    )
    for what, said, found in pairs:
        if said != found:
            yield f"{RUN}: its {what} is {_short(said)}, in the bundle it is {_short(found)}"
    if not list(_hellos(folder)):
        yield f"{FRAMES}: nobody answered to hello"


def _short(value: object) -> str:
    return str(value)[:12]
