"""Trains the digit models: `python suites/digits/train.py` (extra `train`)."""

from __future__ import annotations

from pathlib import Path

import keras
from data import test_data, train_data

from hil.model.training import make_repeatable, write_models

SEED = 42
EPOCHS = 60
BATCH = 32
CLASSES = 10


def build_model() -> keras.Model:
    """A small depthwise-separable CNN, pooled over the whole map by AveragePooling2D."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(32, 1, activation="relu"),
            layers.MaxPooling2D(2),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(48, 1, activation="relu"),
            layers.AveragePooling2D(4),
            layers.Flatten(),
            layers.Dense(CLASSES),
            layers.Softmax(),
        ]
    )


def main() -> None:
    """Trains, and writes models and provenance."""
    make_repeatable(SEED)
    train, test = train_data(), test_data()
    model = build_model()
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 43 * EPOCHS)),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(train["x"], train["y"], batch_size=BATCH, epochs=EPOCHS, verbose=2)
    _, accuracy = model.evaluate(test["x"], test["y"], verbose=0)
    facts = {
        "seed": SEED,
        "epochs": EPOCHS,
        "parameters": int(model.count_params()),
        "keras_test_accuracy": round(float(accuracy), 4),
    }
    write_models(Path(__file__).parent / "models", "digits", model, train, facts)
    print(facts)


if __name__ == "__main__":
    main()
