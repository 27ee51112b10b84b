"""Small `.tflite` files: README.md says of what."""

from __future__ import annotations

from pathlib import Path

from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo

FOLDER = Path(__file__).parent


def model_file(name: str) -> Path:
    """The file called `name`, without its ending."""
    return FOLDER / f"{name}.tflite"


def stored(name: str) -> ModelInfo:
    """The model in it."""
    return read_model(model_file(name))
