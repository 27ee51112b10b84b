// Stands in for the Raspberry Pi Pico's SDK: one file of the tree includes it on every target.
// Without this define that file does all work on the calling core.
#undef TF_LITE_PICO_MULTICORE
