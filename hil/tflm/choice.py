"""How users choose a TFLM. Imports nothing: every pytest run and every command load it."""

from __future__ import annotations

# Environment variable that names the TFLM to use.
TFLM_VARIABLE = "HIL_TFLM"
# What is used when nothing names one.
DEFAULT_GENERATION = "2024"
