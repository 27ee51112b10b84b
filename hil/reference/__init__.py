"""Host interpreters: what a device's outputs are held against."""
