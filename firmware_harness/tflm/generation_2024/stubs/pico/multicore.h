// Stands in for the Raspberry Pi Pico's SDK. Nothing calls this: there is no second core.
static inline void multicore_fifo_push_blocking(unsigned int data) {
  (void)data;
}
