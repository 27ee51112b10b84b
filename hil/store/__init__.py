"""Where runs and verdicts are kept, night after night."""
