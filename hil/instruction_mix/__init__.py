"""What kinds of instructions a run executed, by operator and by function."""
