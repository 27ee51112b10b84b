"""TensorFlow Lite Micro: its generations, where their sources come from, and what they can run."""
