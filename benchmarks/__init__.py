"""Figures of this machine: `make benchmark`. Medians of several runs; the machine may be noisy."""
