"""The process of the converters: `python -m hil.model.convert_child`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

import numpy as np

from hil.child_loop import Json, Progress, serve
from hil.errors import HilError, ModelError
from hil.model import convert_keras, convert_quantizer
from hil.model.convert_keras import Array, Prepared
from hil.model.provenance import SourceKind
from hil.vocab import Scheme


class _TfliteConverter:
    """TFLiteConverter; what `inputs` has loaded is there for the same model's `convert`."""

    def __init__(self) -> None:
        self._source = ""
        self._prepared: Prepared | None = None

    def inputs(self, arguments: Json, _: Progress) -> Json:
        """Loads a model; gives its inputs."""
        convert_keras.tools()
        start = perf_counter()
        self._source = arguments["source"]
        self._prepared = convert_keras.prepare(Path(self._source), SourceKind(arguments["kind"]))
        inputs = [asdict(each) for each in self._prepared.inputs]
        return {"inputs": inputs, "seconds": perf_counter() - start}

    def convert(self, arguments: Json, progress: Progress) -> Json:
        """Converts a model, loading it if that was not done."""
        tools = convert_keras.tools()
        seconds = 0.0
        if self._prepared is None or self._source != arguments["source"]:
            seconds = self.inputs(arguments, progress)["seconds"]
        prepared, self._prepared = self._prepared, None
        assert prepared is not None

        def convert(calibration: list[Array]) -> bytes:
            return convert_keras.convert(
                prepared,
                Scheme(arguments["scheme"]),
                calibration,
                per_channel_dense=arguments["per_channel_dense"],
            )

        answer = _answer("TFLiteConverter", tools, arguments, convert)
        return answer | {"seconds": answer["seconds"] + seconds}


def _quantizer(arguments: Json, _: Progress) -> Json:
    tools = convert_quantizer.tools()

    def convert(calibration: list[Array]) -> bytes:
        return convert_quantizer.quantize(
            Path(arguments["source"]).read_bytes(),
            Scheme(arguments["scheme"]),
            calibration,
            per_channel_dense=arguments["per_channel_dense"],
        )

    return _answer("ai-edge-quantizer", tools, arguments, convert)


def _answer(
    name: str, tools: dict[str, str], arguments: Json, convert: Callable[[list[Array]], bytes]
) -> Json:
    """Writes what `convert` makes; gives the tools and how long it took, imports left out."""
    folder = Path(arguments["folder"])
    with np.load(folder / "calibration.npz", allow_pickle=False) as archive:
        calibration = [archive[f"arr_{i}"] for i in range(len(archive.files))]
    start = perf_counter()
    try:
        content = convert(calibration)
    except HilError:
        raise
    except Exception as error:  # converters raise whatever they like
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{name} refuses the model: {lines[0]}", detail="\n".join(lines[1:8])
        ) from error
    seconds = perf_counter() - start
    (folder / "converted.tflite").write_bytes(content)
    return {"tools": tools, "seconds": seconds}


if __name__ == "__main__":
    tflite_converter = _TfliteConverter()
    serve(
        {
            "inputs": tflite_converter.inputs,
            "tflite_converter": tflite_converter.convert,
            "quantizer": _quantizer,
        }
    )
