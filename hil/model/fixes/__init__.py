"""Changes to a `.tflite` file that keep what it computes, each with a sentence of what it did."""
