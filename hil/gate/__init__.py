"""Holds runs against a committed baseline."""
