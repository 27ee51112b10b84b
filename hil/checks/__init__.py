"""The questions put to a run: outputs, accuracy, latency, arena, flash."""
