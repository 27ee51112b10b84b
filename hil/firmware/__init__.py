"""Images: toolchain, TFLM source, CMake driver, cache, what an ELF holds."""
