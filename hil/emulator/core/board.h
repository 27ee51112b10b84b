// State of one emulated board and the functions its parts share.
//
// Sources named in comments: ARM = ARMv7-M Architecture Reference Manual (DDI 0403E),
// RM = ST reference manual RM0385 (STM32F75xxx and STM32F74xxx).
#ifndef HIL_EMULATOR_BOARD_H
#define HIL_EMULATOR_BOARD_H

#include "core.h"
#include "unicorn_abi.h"

enum {
  MAX_MEMORIES = 16,
  MAX_PERIPHERALS = 64,
  MAX_READY_RULES = 64,
  MAX_SECTORS = 32,
  MAX_BREAKPOINTS = 16,
  MAX_WINDOWS = 16,
  EXCEPTION_COUNT = 256,
  EXCEPTION_WORDS = EXCEPTION_COUNT / 32,
  NEVER = -1,
  GUARDS = 4096,
  CACHE_WAYS = 4,
  SAVED_REGISTERS = 22,
  FLOAT_REGISTERS = 32,
};

// CONTROL_SFPA is not of ARMv7-M, but without it Unicorn takes FPCA for 0.
enum {
  CONTROL_NPRIV = 1 << 0,
  CONTROL_SPSEL = 1 << 1,
  CONTROL_FPCA = 1 << 2,
  CONTROL_SFPA = 1 << 3,
  CONTROL_FLOAT = CONTROL_FPCA | CONTROL_SFPA,
};

// Exception numbers (ARM B1.5.2).
enum {
  EXC_NONE = 0,
  EXC_NMI = 2,
  EXC_HARD_FAULT = 3,
  EXC_MEM_MANAGE = 4,
  EXC_BUS_FAULT = 5,
  EXC_USAGE_FAULT = 6,
  EXC_SVCALL = 11,
  EXC_DEBUG_MONITOR = 12,
  EXC_PENDSV = 14,
  EXC_SYSTICK = 15,
  EXC_IRQ0 = 16,
};

// CFSR and HFSR bits (ARM B3.2.15, B3.2.16).
#define CFSR_IACCVIOL (1u << 0)
#define CFSR_IBUSERR (1u << 8)
#define CFSR_PRECISERR (1u << 9)
#define CFSR_UNSTKERR (1u << 11)
#define CFSR_STKERR (1u << 12)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_INVSTATE (1u << 17)
#define CFSR_INVPC (1u << 18)
#define CFSR_NOCP (1u << 19)
#define CFSR_UNALIGNED (1u << 24)
#define CFSR_DIVBYZERO (1u << 25)
#define HFSR_VECTTBL (1u << 1)
#define HFSR_FORCED (1u << 30)
#define HFSR_DEBUGEVT (1u << 31)

#define DFSR_HALTED (1u << 0)
#define DFSR_BKPT (1u << 1)
#define DFSR_VCATCH (1u << 3)
#define DEMCR_VC_HARDERR (1u << 10)
#define DEMCR_TRCENA (1u << 24)

// A translated block of straight-line code, as Unicorn reports it to the block hook.
typedef struct {
  uint64_t key;  // address << 32 | size | BLOCK_HAS_FLOAT; 0: empty slot
  uint32_t instructions;
} Block;

enum { BLOCK_HAS_FLOAT = 1 };  // sizes are even

// An instruction that is looked at before it is executed, and the ITSTATE it is executed under.
typedef struct {
  uint32_t address, it_state;
  uint32_t checks_left;
  size_t hook;  // 0: it has been checked often enough
} Guard;

// The state before an instruction that faults where Unicorn does not stop (abandon.c).
typedef struct {
  bool active;
  Block *block;
  uint32_t pc, xpsr;
  uint32_t registers[SAVED_REGISTERS], floats[FLOAT_REGISTERS];
} Abandoned;

typedef struct {
  uint32_t core_hz, apb1_hz, apb2_hz, pll_input_hz;
  bool from_pll;
} Clocks;

// Open addressing by block address. Slot 0 stays empty, so that a lookup under mask 0 finds
// nothing: that is how the block hook is sent the slow way, by one comparison for all reasons at
// once.
typedef struct {
  Block *slots;
  _Atomic uint32_t lookup_mask;  // mask, or 0: look up before the next block
  uint32_t mask, used;
  // What of a key is compared with that of the block ahead: BLOCK_HAS_FLOAT too, and so none with
  // floating-point instructions is found, while there is no floating-point state (float.c).
  uint64_t compared;
} BlockTable;

typedef struct {
  uint32_t base, size;
  bool writable;
  uint8_t *host;
  uint8_t *code_pages;  // RAM: which pages code was fetched from
} Memory;

typedef struct Trace Trace;

typedef struct Peripheral Peripheral;
struct Peripheral {
  uint32_t base, size;
  PeripheralKind kind;
  uint32_t index;                                    // which of its kind: USART slot, GPIO port
  uint32_t clock_enable_address, clock_enable_mask;  // address 0: always clocked
};

// Pages of peripheral space that Unicorn hands to the core.
typedef struct {
  Board *board;
  uint32_t base;
} Window;

// Peripherals that only store what is written keep it here, by address.
typedef struct {
  uint32_t address, value, reset_value;
} StoredRegister;

enum { STORED_REGISTERS = 16384 };

typedef struct {
  uint32_t pending[EXCEPTION_WORDS], active[EXCEPTION_WORDS], enabled[EXCEPTION_WORDS];
  uint8_t priority[EXCEPTION_COUNT];
  bool any_pending;
} Nvic;

typedef struct {
  uint32_t vtor, aircr, scr, ccr, shcsr, cfsr, hfsr, mmfar, bfar, cpacr, csselr;
  uint32_t fpccr, fpcar, fpdscr;
  uint32_t systick_control, systick_load;
  bool systick_count_flag;
  uint64_t systick_start;
  bool icache_invalidated;
  uint32_t invalidated_sets[CACHE_WAYS];  // of the data cache, a bit for each
} SystemControl;

typedef struct {
  uint32_t control;
  bool unlocked;
  uint64_t base;  // cycle count at which CYCCNT was 0; CYCCNT itself while it stands still
} Dwt;

typedef struct {
  uint32_t base, size;
  uint8_t *host;
  uint32_t sector_sizes[MAX_SECTORS], sector_count;
  uint32_t keys_seen, cr, sr, acr, optcr;
  bool changed;  // flash holds bytes that may have been translated already
} FlashController;

typedef struct {
  uint32_t cr1, cr2, cr3, brr;
  uint32_t error_flags;  // ORE and FE of ISR
  uint8_t received;      // RDR
  bool full;             // RXNE
  uint32_t polls;        // reads of ISR since then or the last byte sent
} Usart;

enum { LINE_BUFFER = 4096, LINE_OUT_BUFFER = 256 };

// The wire between the serial pins and the host: a pseudo-terminal or a socket.
typedef struct {
  int fd;
  uint32_t usart;  // slot of the USART whose pins the wire is soldered to
  uint32_t tx_port, tx_pin, tx_function, rx_port, rx_pin, rx_function;
  uint8_t in[LINE_BUFFER];
  uint32_t in_head, in_tail;
  uint8_t out[LINE_OUT_BUFFER];
  uint32_t out_count;
  uint64_t flush_at;              // instruction count at which output is written out at last
  uint64_t in_ready, out_ready;   // paced: cycle counts at which the next byte has arrived, left
  uint64_t pace_cycles, pace_ns;  // paced: where cycles and host time were last compared
  uint32_t quiet_polls;           // status reads in a row that found nothing to do
  uint64_t last_poll;             // instruction count of the last one
  uint32_t random;
} Line;

struct Board {
  BoardControl control;  // first: the host process reads and writes it directly
  BoardChip chip;
  UnicornApi api;
  uc_engine *uc;

  uint64_t next_event;  // instruction count at which SysTick is due
  Block *current;       // block being executed, already counted
  size_t block_hook;
  BlockTable blocks;
  Trace *trace;  // NULL: none was ever asked for
  bool stepping;
  bool pc_synced;  // Unicorn's PC is exact: set by a protection hook just before a register access

  bool tlb_stale;
  bool translations_stale;
  bool float_ahead;         // the next block uses the FPU, which is switched off
  bool control_written;     // by the firmware: FPCA may have changed
  bool float_begins;        // the next block uses the FPU, and is the first to do so
  uint64_t float_begun_at;  // instruction count at which it began
  uint32_t retranslate_begin, retranslate_end;

  Guard guards[GUARDS];
  uint32_t guard_count;
  Guard *spent_guard;    // has made its last check: taken off before the next run
  uint32_t usage_fault;  // CFSR bit that a guarded instruction raised
  uint32_t double_base;  // of the last LDRD that loads its base
  bool exclusive_open;   // LDREX was executed since the last exception
  bool clearing_monitor;

  // What the last emu_start was left for.
  StopReason stop;
  int intr;
  bool invalid_instruction;
  int memory_error;
  uint32_t memory_error_address;
  Abandoned abandoned;

  Memory memories[MAX_MEMORIES];
  uint32_t memory_count;
  Window windows[MAX_WINDOWS];
  uint32_t window_count;
  Peripheral peripherals[MAX_PERIPHERALS];
  uint32_t peripheral_count;
  Peripheral *last_peripheral;
  ReadyRule ready_rules[MAX_READY_RULES];
  uint32_t ready_rule_count;
  StoredRegister stored[STORED_REGISTERS];
  uint32_t breakpoints[MAX_BREAKPOINTS], breakpoint_count;

  Nvic nvic;
  SystemControl scs;
  Dwt dwt;
  FlashController flash;
  Usart usarts[MAX_USARTS];
  Line line;
};

// ---- memory.c: RAM, flash and their host buffers
uint8_t *memory_at(Board *board, uint32_t address, uint32_t size);
uint8_t *writable_memory_at(Board *board, uint32_t address, uint32_t size);

// ---- run.c: counting and the run loop
bool run_init(Board *board);
void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user);
uint32_t register_read(Board *board, int reg);
void register_write(Board *board, int reg, uint32_t value);
void xpsr_write(Board *board, uint32_t value);
void it_state_clear(Board *board);
uint64_t cycles_now(const Board *board);
uint64_t cycles_exact(Board *board);
void translations_flush(Board *board);
void board_stop(Board *board, StopReason reason);
void look_up_at(Board *board, uint64_t instruction);
void look_up_now(Board *board);
void count_on(Board *board);
bool at_breakpoint(const Board *board, uint32_t pc);

// ---- outcome.c: what Unicorn stopped for
void outcome_handle(Board *board, int error);
void usage_fault_raise(Board *board, uint32_t cause, uint32_t pc);

// ---- abandon.c: faults within an IT block
void abandon(Board *board, uint32_t it_state);
void abandon_undo(Board *board);

// ---- blocks.c: how many instructions a block holds
bool blocks_init(BlockTable *table);
void blocks_clear(BlockTable *table);
Block *blocks_search(Board *board, uint32_t address, uint32_t size, bool *is_new);
uint32_t instruction_count(const uint8_t *code, uint32_t size);
uint32_t block_remaining(Board *board, uint32_t pc);
uint32_t it_block_rest(uint32_t it_state);
uint32_t code_size(Board *board, uint32_t address, uint32_t count);
uint32_t step_count(Board *board, uint32_t pc, uint32_t xpsr, uint32_t *size);

// ---- trace.c: how often each block is executed
void trace_step(Board *board, uint32_t pc, uint32_t size, uint32_t instructions);
void trace_cut(Board *board, uint32_t pc);
void trace_free(Board *board);

// Whether an instruction is 32 bits wide: its first halfword starts with 0b11101, 0b11110 or
// 0b11111 (ARM A5.1).
static inline bool is_wide(uint8_t high_byte) {
  return high_byte >> 3 >= 0x1d;
}

// ITSTATE, whose bits are scattered over the xPSR: 7:2 are at 15:10, 1:0 at 26:25 (ARM B1.4.2).
static inline uint32_t it_state_of(uint32_t xpsr) {
  return (xpsr >> 8 & 0xfc) | (xpsr >> 25 & 3);
}

static inline uint32_t xpsr_with_it(uint32_t xpsr, uint32_t it_state) {
  return (xpsr & ~0x0600fc00u) | (it_state & 0xfc) << 8 | (it_state & 3) << 25;
}

static inline uint64_t block_key(uint32_t address, uint32_t size) {
  return (uint64_t)address << 32 | size;
}

static inline uint32_t block_address(const Block *block) {
  return (uint32_t)(block->key >> 32);
}

static inline uint32_t block_size(const Block *block) {
  return (uint32_t)block->key & ~(uint32_t)BLOCK_HAS_FLOAT;
}

// ---- tlb.c: keeping stores to RAM fast
bool tlb_init(Board *board);
bool tlb_track_code(Memory *memory);
void tlb_flush(Board *board, bool code_too);
bool hook_outside_ram(Board *board, int types, void *callback);

// ---- float.c: whether floating-point instructions may be executed, and their state
bool float_is_enabled(const Board *board);
void float_state_changed(Board *board);
void float_begin(Board *board);
void float_take_back(Board *board, uint32_t pc);

// ---- traps.c: what depends on the operands of an instruction
bool is_float(Board *board, uint32_t address);
bool traps_guard(Board *board, uint32_t address, uint32_t size);
void traps_restore_base(Board *board, uint32_t pc);
void traps_clear(Board *board);
void traps_retire(Board *board);

// ---- monitor.c: LDREX and STREX
void monitor_clear(Board *board);

// ---- strict.c: what this board refuses
__attribute__((format(printf, 2, 3))) void refuse(Board *board, const char *format, ...);
void strict_check_clocks(Board *board);
void strict_check_caches(Board *board);
void strict_check_mpu(Board *board, uint32_t control);
void strict_invalidated_line(Board *board, uint32_t set_and_way);

// ---- exceptions.c (ARM B1.5)
void exception_pend(Board *board, uint32_t number);
void exception_unpend(Board *board, uint32_t number);
bool exception_is_active(const Board *board, uint32_t number);
int execution_priority(Board *board);
uint32_t exception_next(Board *board);
bool exception_enter(Board *board, uint32_t number, uint32_t return_address);
uint32_t exception_return(Board *board, uint32_t exc_return);
bool fault_raise(Board *board, uint32_t number, uint32_t pc, bool *caught_by_debugger);

// ---- scs.c, nvic.c, systick.c, dwt.c: the core's own registers
void scs_reset(Board *board);
uint32_t scs_read(Board *board, uint32_t offset);
void scs_write(Board *board, uint32_t offset, uint32_t value);
bool nvic_has(uint32_t offset);
uint32_t nvic_read(Board *board, uint32_t offset);
void nvic_write(Board *board, uint32_t offset, uint32_t value);
void systick_reset(Board *board);
uint32_t systick_read(Board *board, uint32_t offset);
void systick_write(Board *board, uint32_t offset, uint32_t value);
void systick_advance(Board *board);
void dwt_reset(Board *board);
void dwt_write_demcr(Board *board, uint32_t value);
uint32_t dwt_read(Board *board, uint32_t offset);
void dwt_write(Board *board, uint32_t offset, uint32_t value, bool from_debugger);

// ---- bus.c: peripheral registers
void bus_reset(Board *board);
Peripheral *peripheral_at(Board *board, uint32_t address);
uint32_t bus_read(Board *board, uint32_t address);
void bus_write(Board *board, uint32_t address, uint32_t value, bool from_debugger);
void bus_write_sized(Board *board, uint32_t address, uint32_t value, unsigned size);
uint32_t stored_value(Board *board, uint32_t address);
void stored_set(Board *board, uint32_t address, uint32_t value);

// ---- clock.c: RCC of the STM32F7
void rcc_reset(Board *board, ResetCause cause);
uint32_t rcc_read(Board *board, uint32_t offset);
void rcc_write(Board *board, uint32_t offset, uint32_t value);
uint32_t usart_clock_hz(Board *board, uint32_t slot);
Clocks rcc_clocks(Board *board);

// ---- flash.c: the STM32F7 flash controller
void flash_reset(Board *board);
uint32_t flash_read(Board *board, uint32_t offset);
void flash_write(Board *board, uint32_t offset, uint32_t value);
bool flash_program(Board *board, uint32_t address, uint64_t value, uint32_t size);

// ---- usart.c: the serial port
void usart_reset(Board *board);
uint32_t usart_read(Board *board, uint32_t slot, uint32_t offset);
void usart_write(Board *board, uint32_t slot, uint32_t offset, uint32_t value);
bool usart_receives(Board *board, uint32_t slot);
uint32_t usart_baud(Board *board, uint32_t slot);

// ---- line.c: the wire between the serial pins and the host
void line_reset(Board *board);
void line_receive(Board *board);
void line_discard(Board *board);
bool line_can_send(Board *board);
void line_send(Board *board, uint8_t byte);
void line_flush(Board *board);
void line_polled(Board *board, bool useful);

// ---- sleep.c: passing the time
uint64_t nanoseconds_now(void);
uint64_t cycles_of_ns(const Board *board, uint64_t ns);
void board_sleep(Board *board, int max_ms);
void board_skip_to(Board *board, uint64_t cycle);

#endif
