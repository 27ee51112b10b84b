"""Remedies that rules of several generations give."""

from __future__ import annotations

IN_2024 = "TFLM of 2024 has it (--tflm 2024)"
# What TensorFlow makes of UpSampling2D, and what no TFLM has.
TILE = "of UpSampling2D: use tf.image.resize(x, size, method='nearest') instead"
