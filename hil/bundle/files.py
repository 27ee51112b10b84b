"""Reading and writing a bundle's files, each under the digest that its manifest has."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from pydantic import ValidationError

from hil.bundle.contents import (
    INPUT,
    LABELS,
    MANIFEST,
    SCHEMA,
    SEQUENCE_LENGTHS,
    FileFacts,
    Manifest,
)
from hil.data import NOT_AN_NPZ, Array, Vectors
from hil.errors import BundleError
from hil.frozen import Record

Contents = TypeVar("Contents", bound=Record)


def digest_of(manifest: Manifest) -> str:
    """SHA-256 of a manifest without its digest."""
    bare = manifest.model_copy(update={"digest": ""})
    return hashlib.sha256(bare.model_dump_json().encode()).hexdigest()


def facts_of(path: Path) -> FileFacts:
    """Digest and size of a file."""
    content = path.read_bytes()
    return FileFacts(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def write_folder(home: Path, name: str, files: Mapping[str, bytes], manifest: Manifest) -> Path:
    """Writes `home`/`name`, whole or not at all. Raises BundleError."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=home))
        try:
            for file, content in files.items():
                (draft / file).write_bytes(content)
            facts = {file: facts_of(draft / file) for file in sorted(files)}
            whole = manifest.model_copy(update={"files": facts})
            whole = whole.model_copy(update={"digest": digest_of(whole)})
            (draft / MANIFEST).write_text(whole.model_dump_json(indent=1) + "\n")
            draft.chmod(0o755)
            draft.rename(home / name)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise BundleError(
            f"cannot write the bundle {home / name}: {error.strerror or error}",
            hint="make the folder writable, or free some space",
        ) from error
    return home / name


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises BundleError when the folder is none."""
    manifest = read_json(folder / MANIFEST, Manifest)
    if manifest.schema_version != SCHEMA:
        raise BundleError(f"{folder} has schema {manifest.schema_version}, this hil reads {SCHEMA}")
    return manifest


def problems_of(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What in the folder is not as its manifest says: one line each."""
    if digest_of(manifest) != manifest.digest:
        yield f"{MANIFEST}: it was changed"
    found = {path.name for path in folder.iterdir()} - {MANIFEST}
    for name in sorted(found - set(manifest.files)):
        yield f"{name}: not in the manifest"
    for name, facts in sorted(manifest.files.items()):
        path = folder / name
        if name not in found or not path.is_file():
            yield f"{name}: missing"
        elif (now := facts_of(path)) != facts:
            yield f"{name}: its SHA-256 is {now.sha256[:12]}, not {facts.sha256[:12]}"


def read_json(path: Path, kind: type[Contents]) -> Contents:
    """A file of a bundle as a `kind`. Raises BundleError."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BundleError(
            f"{path.parent} is no bundle: {path.name}: {error.strerror or error}",
            hint="pytest --hil-bundle DIR writes one folder for each run",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{path} cannot be read: {where}: {first['msg']}") from error


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays in an .npz file; pickled objects are refused. Raises BundleError."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, *NOT_AN_NPZ) as error:
        raise BundleError(f"{path} cannot be read: {error}") from error


def read_vectors(path: Path, source: str, source_sha256: str | None = None) -> Vectors:
    """The vectors in a bundle. Raises BundleError."""
    arrays = read_arrays(path)
    count = sum(name.startswith(INPUT) for name in arrays)
    inputs = tuple(arrays[f"{INPUT}{index}"] for index in range(count))
    lengths = arrays.get(SEQUENCE_LENGTHS)
    return Vectors(
        inputs,
        arrays.get(LABELS),
        source,
        source_sha256,
        None if lengths is None else tuple(int(length) for length in lengths),
    )


def as_npz(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as the bytes of a compressed .npz file."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()
