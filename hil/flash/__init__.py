"""Programming boards: the Flasher protocol and pyOCD, which runs in a child process."""
