"""hil: hardware-in-the-loop benchmarking for TensorFlow Lite Micro."""

from __future__ import annotations

__version__ = "0.1.0"
