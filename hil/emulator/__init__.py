"""The emulated board: an MCU in its own process that takes the image a real board takes.

Only the board process loads Unicorn. Everything else talks to it as to hardware: through a pyOCD
probe and a serial port.
"""
