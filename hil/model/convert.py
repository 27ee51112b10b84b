"""Models in another quantization scheme, by converters in a child process: they print and crash."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hil.child import ChildDied, ChildProcess
from hil.data import Array, Inputs, Vectors
from hil.errors import ConfigError, DataError, ModelError
from hil.model.convert_form import normal_form
from hil.model.fix import fix_model
from hil.model.flatbuffer import FILE_IDENTIFIER, parse_model
from hil.model.info import ModelInfo, TensorInfo
from hil.model.provenance import CalibrationRecord, Provenance, SourceKind
from hil.model.whole_model import shape_chain
from hil.vocab import Scheme

MODULE = "hil.model.convert_child"
TIMEOUT_S = 600.0
NEEDS_CALIBRATION = frozenset({Scheme.INT8, Scheme.INT16X8})
# Those whose dense layers may have a scale for each channel.
HAS_DENSE_CHOICE = NEEDS_CALIBRATION | {Scheme.DYNAMIC}
KERAS_SUFFIXES = frozenset({".keras", ".h5", ".hdf5"})
QUANTIZER = "quantizer"
SAVED_MODEL_FILE = "saved_model.pb"

Json = dict[str, Any]
# Vectors for the inputs it is given; raises DataError when they do not fit.
Calibration = Callable[[Inputs], Vectors]


@dataclass(frozen=True)
class KnownInputs:
    """The inputs of a model that is not converted yet."""

    input_tensors: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class Conversion:
    """A converted model. `seconds` is what the converters took, without starting and importing."""

    model: ModelInfo
    provenance: Provenance
    seconds: float


@dataclass(frozen=True)
class _Task:
    """What is asked for, and the folder in which files are exchanged with the child."""

    scheme: Scheme
    per_channel_dense: bool
    folder: Path


class Converter:
    """Converts models, one at a time, in a child process that stays warm. A context manager."""

    def __init__(self, module: str = MODULE) -> None:
        self._child = ChildProcess(module)
        self._seconds = 0.0
        self._tools: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._child.kill()
        self._child.close()

    def convert(
        self,
        source: Path,
        scheme: Scheme,
        calibration: Calibration | None = None,
        *,
        per_channel_dense: bool = False,
    ) -> Conversion:
        """The model at `source` in `scheme`: the same bytes each time.

        A float32 `.tflite` goes through ai-edge-quantizer, a Keras file or SavedModel through
        TFLiteConverter, which has no weight_only: that is quantized from its float32 file. Integer
        schemes need `calibration`. Raises ConfigError for what cannot be asked for and for missing
        packages, ModelError when the source does not convert, DataError for unusable vectors.
        """
        kind = source_kind(source)
        _check_request(scheme, calibration, per_channel_dense=per_channel_dense)
        self._seconds, self._tools = 0.0, {}
        with tempfile.TemporaryDirectory(prefix="hil-convert-") as name:
            task = _Task(scheme, per_channel_dense, Path(name))
            if kind is SourceKind.TFLITE:
                content, vectors = self._from_tflite(source, task, calibration)
            else:
                content, vectors = self._from_keras(source, kind, task, calibration)
        provenance = Provenance(
            source_kind=kind,
            source_sha256=_digest(source),
            scheme=scheme,
            per_channel_dense=per_channel_dense,
            tools=self._tools,
            calibration=_record(vectors),
        )
        model = parse_model(normal_form(content, provenance), source.stem, "the converted model")
        _check_result(model, scheme)
        return Conversion(model, provenance, self._seconds)

    def _from_tflite(
        self, source: Path, task: _Task, calibration: Calibration | None
    ) -> tuple[bytes, Vectors | None]:
        content = _read(source)
        model = parse_model(content, source.stem, str(source))
        if model.scheme is not Scheme.FLOAT32:
            raise ModelError(
                f"{source} is {model.scheme.value} already", hint="convert the float32 model"
            )
        content = with_fixed_batch(model)
        if task.scheme is Scheme.FLOAT32:
            return content, None
        vectors = _varied(calibration(model)) if calibration is not None else None
        return self._quantize(content, task, vectors), vectors

    def _from_keras(
        self, source: Path, kind: SourceKind, task: _Task, calibration: Calibration | None
    ) -> tuple[bytes, Vectors | None]:
        vectors = None
        if calibration is not None:
            vectors = _varied(calibration(self._keras_inputs(source, kind)))
        by_converter = Scheme.FLOAT32 if task.scheme is Scheme.WEIGHT_ONLY else task.scheme
        arguments = {
            "source": str(source.resolve()),
            "kind": kind.value,
            "scheme": by_converter.value,
        }
        content = self._call("tflite_converter", arguments, task, vectors)
        if task.scheme is Scheme.WEIGHT_ONLY:
            content = self._quantize(content, task, None)
        return content, vectors

    def _keras_inputs(self, source: Path, kind: SourceKind) -> KnownInputs:
        """What vectors must fit. The child keeps the model loaded for its conversion."""
        arguments = {"source": str(source.resolve()), "kind": kind.value}
        result = self._answer("inputs", arguments)
        return KnownInputs(
            tuple(
                TensorInfo(
                    index=index,
                    name=each["name"],
                    type=each["type"],
                    shape=tuple(each["shape"]),
                    shape_signature=(),
                    scales=(),
                    zero_points=(),
                    quantized_dimension=0,
                    is_constant=False,
                    is_variable=False,
                )
                for index, each in enumerate(result["inputs"])
            )
        )

    def _quantize(self, content: bytes, task: _Task, vectors: Vectors | None) -> bytes:
        source = task.folder / "source.tflite"
        source.write_bytes(content)
        arguments = {"source": str(source), "scheme": task.scheme.value}
        return self._call(QUANTIZER, arguments, task, vectors)

    def _call(self, operation: str, arguments: Json, task: _Task, vectors: Vectors | None) -> bytes:
        inputs: tuple[Array, ...] = vectors.inputs if vectors is not None else ()
        np.savez(task.folder / "calibration.npz", *inputs)
        shared = {"folder": str(task.folder), "per_channel_dense": task.per_channel_dense}
        result = self._answer(operation, arguments | shared)
        self._tools |= result["tools"]
        return (task.folder / "converted.tflite").read_bytes()

    def _answer(self, operation: str, arguments: Json) -> Json:
        try:
            result = self._child.call(operation, arguments, timeout_s=TIMEOUT_S)
        except ChildDied as error:
            hint = "TFLiteConverter does so on Keras LSTM and GRU in int8; float32 works"
            raise ModelError(
                f"the converter died: {error.message}",
                hint="" if operation == QUANTIZER else hint,
                detail=error.detail,
                step="convert",
            ) from error
        self._seconds += result["seconds"]
        return result


def with_fixed_batch(model: ModelInfo) -> bytes:
    """The file's content; when its batch is free or it computes shapes, with these fixed.

    Raises ModelError when that cannot be done.
    """
    free = [t for t in model.input_tensors if -1 in t.shape_signature]
    if not free and not shape_chain(model):
        return model.content
    for tensor in free:
        if -1 in tensor.shape_signature[1:] or min(tensor.shape, default=1) < 1:
            raise ModelError(
                f"input {tensor.name!r} has the free dimensions {tensor.shape_signature}",
                hint="fix all but the batch",
            )
    fixed = fix_model(model)
    if fixed.not_done:
        raise ModelError(
            f"the batch cannot be fixed: {fixed.not_done[0]}",
            hint="convert the original model with a batch of 1",
        )
    return fixed.model.content


def source_kind(source: Path) -> SourceKind:
    """What the file or folder is. Raises ConfigError when it is nothing that converts."""
    if source.is_dir():
        if (source / SAVED_MODEL_FILE).is_file():
            return SourceKind.SAVED_MODEL
        raise ConfigError(f"{source} is no SavedModel: it has no {SAVED_MODEL_FILE}")
    if not source.exists():
        raise ConfigError(f"there is no {source}")
    if source.suffix.lower() in KERAS_SUFFIXES:
        return SourceKind.KERAS
    if source.suffix == ".tflite" or _read(source)[4:8] == FILE_IDENTIFIER:
        return SourceKind.TFLITE
    raise ConfigError(
        f"{source} is no model that converts",
        hint="give a .keras or .h5 file, a SavedModel folder or a float32 .tflite",
    )


def _varied(vectors: Vectors) -> Vectors:
    """The vectors, if they say anything of an input's range. Raises DataError."""
    for array in vectors.inputs:
        if (array == array.flat[0]).all():
            raise DataError(
                f"{vectors.source}: an input has the same value everywhere",
                hint="calibrate with some hundred typical inputs: they set the integers' ranges",
            )
    return vectors


def _check_request(
    scheme: Scheme, calibration: Calibration | None, *, per_channel_dense: bool
) -> None:
    if calibration is None and scheme in NEEDS_CALIBRATION:
        raise ConfigError(
            f"{scheme.value} needs calibration vectors: they set the ranges of its integers",
            hint="--calibration X.npz with some hundred typical inputs as 'x', float32",
        )
    if calibration is not None and scheme not in NEEDS_CALIBRATION:
        raise ConfigError(f"{scheme.value} uses no calibration vectors", hint="leave them out")
    if per_channel_dense and scheme not in HAS_DENSE_CHOICE:
        why = "is per tensor throughout" if scheme is Scheme.WEIGHT_ONLY else "has no scales"
        raise ConfigError(
            f"{scheme.value} {why}: per-channel dense layers are for int8, int16x8 and dynamic"
        )


def _check_result(model: ModelInfo, scheme: Scheme) -> None:
    """A converter may leave alone what is too small or too unusual for it, without a word."""
    if model.scheme is scheme:
        return
    hint = ""
    if scheme is Scheme.DYNAMIC and model.scheme is Scheme.FLOAT32:
        hint = (
            "TFLiteConverter leaves weights of fewer than 1,024 elements as they are: convert to "
            "float32 first, then that .tflite to dynamic"
        )
    raise ModelError(
        f"the converter made a {model.scheme.value} model, not {scheme.value}", hint=hint
    )


def _record(vectors: Vectors | None) -> CalibrationRecord | None:
    if vectors is None:
        return None
    inputs = Vectors(vectors.inputs, None, vectors.source)
    return CalibrationRecord(sha256=inputs.sha256, vectors=inputs.count)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error


def _digest(source: Path) -> str:
    """SHA-256 of a file, or of a folder's files by relative path and content."""
    if source.is_file():
        return hashlib.sha256(_read(source)).hexdigest()
    digest = hashlib.sha256()
    for path in sorted(source.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(source)).encode() + b"\0")
            digest.update(hashlib.sha256(_read(path)).digest())
    return digest.hexdigest()
