"""What the kernels of TFLM's generation 2024 refuse, get wrong without an error, or break on."""

from __future__ import annotations

from hil.model.rule import RuleSet

RULES = RuleSet()
