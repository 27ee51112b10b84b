"""Models: reading `.tflite` files, telling their scheme, and why one cannot run."""
