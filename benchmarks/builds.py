"""How long builds take."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks import rig
from benchmarks.figure import Figure, seconds
from hil.firmware.build import Builder
from hil.firmware.cache import Cache
from hil.model.info import ModelInfo

FURTHER_MODELS = 5


def figures() -> Iterator[Figure]:
    """Both suites' TFLM from nothing, a further model, and a model that is in the cache."""
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(rig.target(), rig.builder().tflm, cache=Cache(Path(folder)))
        suites = [rig.model(name) for name in ("har_int8", "har_float32", "digits_int8")]
        cold = seconds(lambda: [builder.build(model) for model in suites], 1)
        yield Figure("images of both suites, cold", "s", cold, at_most=75)
        builder.build(_variant(0))
        variants = iter(range(1, FURTHER_MODELS + 1))
        further = seconds(lambda: builder.build(_variant(next(variants))), FURTHER_MODELS)
        yield Figure("a further model", "s", further, at_most=3)
        cached = seconds(lambda: builder.build(_variant(0)), FURTHER_MODELS)
        yield Figure("the same model again", "s", cached)


def _variant(number: int) -> ModelInfo:
    """The HAR model, with a few bytes after its end that make it another one."""
    model = rig.model("har_int8")
    content = model.content + bytes([number] * 16)
    return replace(
        model, content=content, file_bytes=len(content), sha256=sha256(content).hexdigest()
    )
