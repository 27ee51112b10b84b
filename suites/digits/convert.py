"""Makes the other schemes from the float32 model: `python suites/digits/convert.py`.

Needs the extra `quantize`, neither TensorFlow nor training.
"""

from __future__ import annotations

from pathlib import Path

from data import train_data

from hil.model.training import write_conversions

if __name__ == "__main__":
    write_conversions(Path(__file__).parent / "models", "digits", train_data())
