"""Trains the activity models: `python suites/har/train.py` (extra `train`)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from data import CLASSES, test_data, train_data
from streaming import build_batch_model, convert_step

from hil.model.training import calibration_of, make_repeatable, write_model_apart, write_models

Array = npt.NDArray[Any]

SEED = 42
EPOCHS = 60
BATCH = 64
MAX_TILT_DEGREES = 25
MAX_GAIN = 1.15
NOISE = 0.02


def build_model() -> keras.Model:
    """Conv2D over (time, 1, signals): Conv1D would become operators that TFLM lacks."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((100, 1, 6)),
            layers.Conv2D(16, (5, 1), strides=(2, 1), padding="same", activation="relu"),
            layers.MaxPooling2D((2, 1)),
            layers.DepthwiseConv2D((5, 1), padding="same", activation="relu"),
            layers.Conv2D(32, 1, activation="relu"),
            layers.MaxPooling2D((2, 1)),
            layers.DepthwiseConv2D((3, 1), padding="same", activation="relu"),
            layers.Conv2D(48, 1, activation="relu"),
            layers.AveragePooling2D((4, 1)),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(32, activation="relu"),
            layers.Dense(len(CLASSES)),
            layers.Softmax(),
        ]
    )


def _tilts(count: int, random: np.random.Generator) -> Array:
    """Random rotations by up to MAX_TILT_DEGREES (Rodrigues' formula): no two people wear a watch
    alike.
    """
    axes = random.normal(size=(count, 3))
    x, y, z = (axes / np.linalg.norm(axes, axis=1, keepdims=True)).T
    zero = np.zeros(count)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(count, 3, 3)
    angles = np.deg2rad(random.uniform(-MAX_TILT_DEGREES, MAX_TILT_DEGREES, count))
    sine, cosine = np.sin(angles)[:, None, None], np.cos(angles)[:, None, None]
    tilts: Array = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    return tilts


class TiltedWindows(keras.utils.PyDataset):
    """The training windows, tilted, scaled and made noisy anew for every epoch."""

    def __init__(self, train: dict[str, Array]) -> None:
        super().__init__()
        self._train = train
        self._random = np.random.default_rng(SEED)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Makes the next epoch's windows."""
        order = self._random.permutation(len(self._train["x"]))
        windows = self._train["x"][order][:, :, 0, :]
        tilts = _tilts(len(order), self._random)
        triads = [np.einsum("nij,ntj->nti", tilts, windows[..., i : i + 3]) for i in (0, 3)]
        gains = self._random.uniform(1 / MAX_GAIN, MAX_GAIN, (2, len(order), 1, 1))
        tilted = np.concatenate(
            [triad * gain for triad, gain in zip(triads, gains, strict=True)], axis=-1
        )
        tilted += self._random.normal(0, NOISE, tilted.shape)
        self._x = tilted.astype(np.float32)[:, :, np.newaxis, :]
        self._y = self._train["y"][order]

    def __len__(self) -> int:
        return len(self._x) // BATCH

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        chosen = slice(index * BATCH, (index + 1) * BATCH)
        return self._x[chosen], self._y[chosen]


def fit(model: keras.Model, train: dict[str, Array]) -> dict[str, object]:
    """Trains a model; what is recorded of it."""
    test = test_data()
    windows = TiltedWindows(train)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, len(windows) * EPOCHS)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-2),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(windows, epochs=EPOCHS, verbose=2)
    _, accuracy = model.evaluate(test["x"], test["y"], verbose=0)
    return {
        "seed": SEED,
        "epochs": EPOCHS,
        "parameters": int(model.count_params()),
        "keras_test_accuracy": round(float(accuracy), 4),
    }


def main() -> None:
    """Trains, and writes models and provenance; with `--streaming-only` the streaming model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--streaming-only", action="store_true", help="leave the others as they are"
    )
    folder, train = Path(__file__).parent / "models", train_data()
    if not parser.parse_args().streaming_only:
        make_repeatable(SEED)
        model = build_model()
        facts = fit(model, train)
        write_models(folder, "har", model, train, facts)
        print(facts)
    make_repeatable(SEED)
    batch_model = build_batch_model()
    facts = fit(batch_model, train)
    content = convert_step(batch_model, calibration_of(train))
    write_model_apart(folder, "har_stream_int8", content, "streaming", facts)
    print(facts)


if __name__ == "__main__":
    main()
