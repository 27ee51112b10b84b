"""Evidence of a run: all that its verdict follows from, to be checked and replayed."""
