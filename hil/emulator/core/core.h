// Interface of the emulated board's core to its host process (hil/emulator/core.py, by ctypes).
//
// One thread at a time runs the core (board_run); other threads may only read memory and counters
// and call board_request_halt.
#ifndef HIL_EMULATOR_CORE_H
#define HIL_EMULATOR_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Raised whenever a struct or function below changes shape; core.py refuses any other number.
enum { CORE_ABI = 3 };

enum { MAX_USARTS = 8 };

enum { MAX_TRACE_MARKS = 64, MAX_TRACED_BLOCKS = 1 << 18 };

// Why board_run returned.
typedef enum {
  STOP_NONE = 0,
  STOP_HALT_REQUEST = 1,  // board_request_halt
  STOP_BREAKPOINT = 2,    // BKPT instruction or hardware breakpoint, debugger attached
  STOP_RESET = 3,         // the firmware wrote SYSRESETREQ
  STOP_LOCKUP = 4,        // a fault at HardFault priority or above
  STOP_STEP = 5,          // one instruction was executed
  STOP_VECTOR_CATCH = 6,  // HardFault entered and DEMCR.VC_HARDERR set
  STOP_INTERNAL = 7,  // Unicorn reported something the core does not know: control.internal_error
} StopReason;

typedef enum {
  RESET_POWER_ON = 0,
  RESET_PIN = 1,
  RESET_SOFTWARE = 2,
} ResetCause;

typedef enum {
  PERIPHERAL_REGISTERS = 0,  // reads back what was written, plus ready rules
  PERIPHERAL_SCS = 1,
  PERIPHERAL_DWT = 2,
  PERIPHERAL_RCC = 3,
  PERIPHERAL_FLASH = 4,
  PERIPHERAL_USART = 5,
  PERIPHERAL_GPIO = 6,
  PERIPHERAL_READ_ONLY = 7,  // the stored value; writes are ignored
} PeripheralKind;

// Shared with the host process while the board runs.
typedef struct {
  volatile uint32_t halt_request;
  volatile uint32_t debug_enabled;  // DHCSR.C_DEBUGEN
  volatile uint32_t demcr, dfsr;
  volatile uint32_t locked_up;
  volatile int32_t line_fd;         // pseudo-terminal or socket of the serial line, -1: unconnected
  volatile int32_t wake_fd;         // readable when a sleeping board must look up
  volatile uint32_t line_paced;     // 1: bytes take the time they take at the firmware's baud rate
  volatile uint32_t line_flip_ppm;  // faults on the line, per million bytes in each direction
  volatile uint32_t line_drop_ppm;
  volatile uint32_t line_seed;
  volatile uint32_t internal_error;
  volatile uint32_t lenient;  // 1: forgive what silicon does not
  volatile uint32_t fault_pc, fault_cfsr, fault_hfsr, fault_address, last_exception;
  volatile uint32_t core_clock_hz;
  volatile uint64_t instructions, idle_cycles;
  volatile uint64_t exceptions;
  volatile uint64_t received_bytes, sent_bytes;
  volatile uint64_t received_lost, received_flipped, sent_lost, sent_flipped;
  volatile uint64_t sent_unread;  // bytes nobody had the port open for
  volatile uint64_t flash_words, flash_erases;
  volatile uint64_t slept_ns;
  char refusal[192];  // why the board stopped: a misuse that silicon punishes unpredictably
} BoardControl;

// Facts of the chip and of the board around it.
typedef struct {
  int32_t cpu_model;  // UC_CPU_ARM_CORTEX_M*
  uint32_t cpuid;
  uint32_t boot_address;  // where SP and PC are fetched at reset
  uint32_t irq_count;
  uint32_t hsi_hz, hse_hz;
  bool hse_bypass;  // the board feeds HSE with a clock, not a crystal
  uint32_t rcc_base, gpio_base, gpio_stride, pwr_base;
  uint32_t max_core_hz, max_apb1_hz, max_apb2_hz, overdrive_above_hz;
  uint32_t wait_state_hz;  // of the core clock for each flash wait state
} BoardChip;

// Bit `width` bits at `destination` follow the bits at `source` (a ready flag after its enable).
typedef struct {
  uint32_t destination_address, destination_shift;
  uint32_t source_address, source_shift;
  uint32_t width;
} ReadyRule;

typedef struct {
  uint32_t usart;
  uint32_t tx_port, tx_pin, tx_function;
  uint32_t rx_port, rx_pin, rx_function;
} LineWiring;

// Straight-line code, and how often it was executed in one segment of a trace.
typedef struct {
  uint32_t address, size;  // bytes
  uint32_t segment;
  uint32_t instructions;  // that it holds
  uint64_t executions;
} TracedBlock;

typedef struct {
  uint64_t instructions;  // executed since the trace began, as control.instructions counts them
  uint32_t segments, blocks, max_blocks;
  uint32_t overflowed;            // 1: there were more than max_blocks
  const uint32_t *segment_marks;  // that began each segment; the first one's is 0
  const TracedBlock *traced_blocks;
} TraceResult;

typedef struct Board Board;

uint32_t core_abi(void);

// Builds a board around the Unicorn library at `unicorn_path`; NULL and a reason in `error` if that
// fails. Memories and peripherals are added before the first reset.
Board *board_new(const char *unicorn_path, const BoardChip *chip, char *error, size_t error_size);
void board_free(Board *board);
BoardControl *board_control(Board *board);

// Maps `size` bytes at `base`; `alias_of` is the base of an earlier memory to show again, or 0.
// Returns 0 or Unicorn's error code.
int board_add_memory(Board *board, uint32_t base, uint32_t size, bool writable, uint32_t alias_of);
int board_set_flash(Board *board, uint32_t base, const uint32_t *sector_sizes, uint32_t count);
int board_add_peripheral(Board *board, uint32_t kind, uint32_t base, uint32_t size, uint32_t index,
                         uint32_t clock_enable_address, uint32_t clock_enable_mask);
// Makes the 4 KiB pages of [base, base + size) peripheral space; gaps in it are bus faults.
int board_add_window(Board *board, uint32_t base, uint32_t size);
int board_add_ready_rule(Board *board, const ReadyRule *rule);
// Sets the value a register has after every reset.
int board_set_register(Board *board, uint32_t address, uint32_t value);
// Ends the building, once all memories are there.
int board_finish(Board *board);
void board_wire_line(Board *board, const LineWiring *wiring);

void board_reset(Board *board, ResetCause cause);
StopReason board_run(Board *board);
// Takes the counting out, for benchmarks: CYCCNT stands still, and a running board does not halt.
void board_stop_counting(Board *board);
// Makes board_run return; may be called from another thread.
void board_request_halt(Board *board);
// Executes one instruction; with `mask_interrupts` no interrupt is taken before it.
StopReason board_step(Board *board, bool mask_interrupts);
int board_set_breakpoints(Board *board, const uint32_t *addresses, uint32_t count);

// Begins to count executions of blocks on a board that is halted. Where execution enters a block at
// one of the marks, a new segment begins. Throws away a trace that was running.
int board_trace_start(Board *board, const uint32_t *marks, uint32_t count, uint32_t max_blocks);
// Ends the trace of a board that is halted. The result lives until the next start; NULL: none ran.
const TraceResult *board_trace_stop(Board *board);

// Memory as a debugger sees it. Returns false when nothing is mapped there.
bool board_read_memory(Board *board, uint32_t address, uint8_t *bytes, uint32_t size);
bool board_write_memory(Board *board, uint32_t address, const uint8_t *bytes, uint32_t size,
                        bool halted);
// Fills memory behind the flash controller's back (loading an image without a debugger).
bool board_load(Board *board, uint32_t address, const uint8_t *bytes, uint32_t size);
bool board_has_peripheral(Board *board, uint32_t address);
uint32_t board_read_register(Board *board, uint32_t address);
void board_write_register(Board *board, uint32_t address, uint32_t value);
// Core registers, numbered as in DCRSR.REGSEL (ARM C1.6.3).
uint32_t board_read_core_register(Board *board, uint32_t number);
void board_write_core_register(Board *board, uint32_t number, uint32_t value);

#endif
