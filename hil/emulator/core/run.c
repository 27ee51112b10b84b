// The run loop: executes blocks and counts them. outcome.c says what to do when Unicorn stops.
#include <stdatomic.h>
#include <string.h>

#include "board.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

uint32_t register_read(Board *board, int reg) {
  uint32_t value = 0;
  board->api.reg_read(board->uc, reg, &value);
  return value;
}

void register_write(Board *board, int reg, uint32_t value) {
  board->api.reg_write(board->uc, reg, &value);
}

void xpsr_write(Board *board, uint32_t value) {
  register_write(board, UC_ARM_REG_XPSR_NZCVQG, value);
}

// To look at an access, Unicorn restores the ITSTATE of its instruction, and leaves it behind: were
// it still there at the end of the block, the next one would be translated as the rest of an IT
// block. The execution of a block itself does not need it.
void it_state_clear(Board *board) {
  const uint32_t xpsr = register_read(board, UC_ARM_REG_XPSR);
  if (it_state_of(xpsr)) xpsr_write(board, xpsr_with_it(xpsr, 0));
}

// Core clock cycles since power-on: one per instruction, plus the time slept.
uint64_t cycles_now(const Board *board) {
  return board->control.instructions + board->control.idle_cycles;
}

// The same, exact within a block when Unicorn's PC is synchronized.
uint64_t cycles_exact(Board *board) {
  if (!board->pc_synced) return cycles_now(board);
  board->pc_synced = false;
  return cycles_now(board) - block_remaining(board, register_read(board, UC_ARM_REG_PC));
}

void translations_flush(Board *board) {
  traps_clear(board);
  board->translations_stale = false;
  blocks_clear(&board->blocks);
  board->current = NULL;
  board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
  tlb_flush(board, true);
}

void board_stop(Board *board, StopReason reason) {
  board->stop = reason;
  look_up_now(board);
}

void look_up_now(Board *board) {
  board->blocks.lookup_mask = 0;
}

static bool must_look_up(const Board *board) {
  return board->control.halt_request || board->control.locked_up || board->stop ||
         board->tlb_stale || board->translations_stale || board->nvic.any_pending ||
         board->spent_guard || board->abandoned.active || board->line.out_count ||
         !float_is_enabled(board);
}

// Back to the fast way, unless there is something to look at before every block. What this thread
// or another asks for is not forgotten: it raises its flag first and clears the mask after that.
void count_on(Board *board) {
  if (board->next_event == UINT64_MAX) board->blocks.lookup_mask = board->blocks.mask;
  if (must_look_up(board)) look_up_now(board);
}

void look_up_at(Board *board, uint64_t instruction) {
  board->next_event = instruction;
  look_up_now(board);
}

void board_request_halt(Board *board) {
  board->control.halt_request = 1;
  look_up_now(board);
}

static bool must_leave(Board *board) {
  if (board->control.halt_request || board->control.locked_up || board->stop || board->tlb_stale ||
      board->translations_stale || board->spent_guard || board->abandoned.active)
    return true;
  if (board->control.instructions >= board->next_event) systick_advance(board);
  if (board->line.out_count && board->control.instructions >= board->line.flush_at)
    line_flush(board);
  return board->nvic.any_pending && exception_next(board);
}

static void count(Board *board, Block *block) {
  board->control.instructions += block->instructions;
  board->current = block;
}

static void leave_before_block(Board *board) {
  board->current = NULL;
  board->api.emu_stop(board->uc);
}

static __attribute__((noinline)) void on_block_slowly(uint32_t address, uint32_t size,
                                                      Board *board) {
  if (board->blocks.lookup_mask == 0) {
    if (board->clearing_monitor) return;
    if (must_leave(board)) {
      leave_before_block(board);
      return;
    }
    if (board->control_written) float_state_changed(board);
    count_on(board);
  }
  bool is_new;
  Block *block = blocks_search(board, address, size, &is_new);
  const bool uses_float = block->key & BLOCK_HAS_FLOAT && !board->stepping;
  board->float_ahead = uses_float && !float_is_enabled(board);
  board->float_begins = uses_float && board->blocks.compared & BLOCK_HAS_FLOAT;
  if (is_new && traps_guard(board, address, size)) {
    board->retranslate_begin = address;
    board->retranslate_end = address + size;
  }
  if (board->float_ahead || board->float_begins || board->retranslate_end) {
    leave_before_block(board);
    return;
  }
  count(board, block);
}

// Called before every block: the hottest path of all.
void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
  (void)uc;
  Board *board = user;
  BlockTable *table = &board->blocks;
  const uint32_t mask = atomic_load_explicit(&table->lookup_mask, memory_order_relaxed);
  Block *block = &table->slots[(uint32_t)address >> 1 & mask];
  if (UNLIKELY((block->key & table->compared) != block_key((uint32_t)address, size))) {
    on_block_slowly((uint32_t)address, size, board);
    return;
  }
  count(board, block);
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user) {
  Board *board = user;
  board->intr = (int)number;
  board->api.emu_stop(uc);
}

static bool on_invalid_instruction(uc_engine *uc, void *user) {
  (void)uc;
  ((Board *)user)->invalid_instruction = true;
  return false;
}

// Every access to peripheral space comes through here first, because its pages are protected: that
// is what makes Unicorn synchronize PC, so that cycle counts are exact and bus faults precise.
static bool on_memory_error(uc_engine *uc, int type, uint64_t address, int size, int64_t value,
                            void *user) {
  (void)uc;
  Board *board = user;
  const uint32_t at = (uint32_t)address;
  if (board->memory_error) return false;  // the rest of an access that has failed already
  if (type == UC_MEM_WRITE_PROT && flash_program(board, at, (uint64_t)value, (uint32_t)size)) {
    it_state_clear(board);
    return true;
  }
  if ((type == UC_MEM_READ_PROT || type == UC_MEM_WRITE_PROT) &&
      (peripheral_at(board, at) || board->control.lenient)) {
    board->pc_synced = true;
    it_state_clear(board);
    return true;
  }
  board->memory_error = type;
  board->memory_error_address = at;
  if (type == UC_MEM_WRITE_PROT || type == UC_MEM_WRITE_UNMAPPED) {
    const uint32_t it_state = it_state_of(register_read(board, UC_ARM_REG_XPSR));
    if (it_state) abandon(board, it_state);
  }
  return false;
}

static uint64_t on_register_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
  (void)uc;
  const Window *window = user;
  const uint32_t address = window->base + (uint32_t)offset;
  const uint32_t word = bus_read(window->board, address & ~3u) >> (8 * (address & 3));
  return size == 4 ? word : word & ((1u << (8 * size)) - 1);
}

static void on_register_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                              void *user) {
  (void)uc;
  const Window *window = user;
  bus_write_sized(window->board, window->base + (uint32_t)offset, (uint32_t)value, size);
}

int board_add_window(Board *board, uint32_t base, uint32_t size) {
  if (board->window_count == MAX_WINDOWS) return NEVER;
  Window *window = &board->windows[board->window_count++];
  *window = (Window){board, base};
  const int error = board->api.mmio_map(board->uc, base, size, (void *)on_register_read, window,
                                        (void *)on_register_write, window);
  return error ? error : board->api.mem_protect(board->uc, base, size, UC_PROT_NONE);
}

static bool add_hooks(Board *board) {
  size_t hook;
  const UnicornApi *api = &board->api;
  uc_engine *uc = board->uc;
  return !api->hook_add(uc, &board->block_hook, UC_HOOK_BLOCK, (void *)on_block, board, 1, 0) &&
         !api->hook_add(uc, &hook, UC_HOOK_INTR, (void *)on_interrupt, board, 1, 0) &&
         !api->hook_add(uc, &hook, UC_HOOK_INSN_INVALID, (void *)on_invalid_instruction, board, 1,
                        0);
}

bool run_init(Board *board) {
  look_up_at(board, UINT64_MAX);
  board->float_begun_at = UINT64_MAX;
  return !board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), board->chip.cpu_model) &&
         tlb_init(board) && add_hooks(board) &&
         !board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_UC_USE_EXITS, 1), 1);
}

void board_stop_counting(Board *board) {
  board->api.hook_del(board->uc, board->block_hook);
  translations_flush(board);
}

int board_finish(Board *board) {
  return hook_outside_ram(board, UC_HOOK_MEM_INVALID, (void *)on_memory_error) ? UC_ERR_OK : NEVER;
}

static void set_exits(Board *board, const uint32_t *addresses, uint32_t count) {
  uint64_t exits[MAX_BREAKPOINTS];
  for (uint32_t i = 0; i < count; i++) exits[i] = addresses[i];
  board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_UC_EXITS, 2), exits, (size_t)count);
}

int board_set_breakpoints(Board *board, const uint32_t *addresses, uint32_t count) {
  if (count > MAX_BREAKPOINTS) return NEVER;
  memcpy(board->breakpoints, addresses, count * sizeof *addresses);
  board->breakpoint_count = count;
  set_exits(board, addresses, count);
  board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
  return UC_ERR_OK;
}

bool at_breakpoint(const Board *board, uint32_t pc) {
  for (uint32_t i = 0; i < board->breakpoint_count; i++)
    if (board->breakpoints[i] == pc) return true;
  return false;
}

static void prepare_translations(Board *board) {
  traps_retire(board);
  if (board->translations_stale) translations_flush(board);
  if (board->tlb_stale) tlb_flush(board, false);
  if (board->retranslate_end)
    board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_REMOVE_CACHE, 2),
                   (uint64_t)board->retranslate_begin, (uint64_t)board->retranslate_end);
  board->retranslate_end = 0;
}

// Unicorn does not stop a step that begins within an IT block at that block's end.
static void step_begin(Board *board, uint32_t pc, uint32_t rest) {
  const uint32_t end = pc + code_size(board, pc, rest);
  set_exits(board, &end, rest ? 1 : 0);
  if (rest) board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
}

static void execute(Board *board) {
  board->intr = NEVER;
  board->invalid_instruction = false;
  board->memory_error = 0;
  board->current = NULL;
  board->pc_synced = false;
  board->usage_fault = 0;
  const uint64_t before = board->control.instructions;
  const uint32_t pc = register_read(board, UC_ARM_REG_PC);
  const uint32_t xpsr = register_read(board, UC_ARM_REG_XPSR);
  if (board->stepping && !float_is_enabled(board) && is_float(board, pc)) {
    usage_fault_raise(board, CFSR_NOCP, pc);
    return;
  }
  const uint32_t rest = it_block_rest(it_state_of(xpsr));
  if (board->stepping) step_begin(board, pc, rest);
  int error;
  do {
    prepare_translations(board);
    error = board->api.emu_start(board->uc, pc | 1, 0, 0, board->stepping ? 1 : 0);
    // Left before its first instruction, to be prepared for it: a step goes on.
  } while (board->stepping && register_read(board, UC_ARM_REG_PC) == pc &&
           (board->tlb_stale || board->translations_stale || board->retranslate_end ||
            board->spent_guard));
  if (board->stepping) {
    set_exits(board, board->breakpoints, board->breakpoint_count);
    if (rest) board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
    abandon_undo(board);
    uint32_t size;
    const uint32_t executed = step_count(board, pc, xpsr, &size);
    board->control.instructions = before + executed;
    trace_step(board, pc, size, executed);
  }
  outcome_handle(board, error);
}

static void start_stepping(Board *board) {
  // Blocks translated for a free run lack the hook that counts to one.
  if (!board->stepping) board->api.ctl(board->uc, UC_CTL_WRITE(UC_CTL_TB_FLUSH, 0));
  board->stepping = true;
}

// A block that uses the FPU while that is off: its instructions one at a time, until one faults.
static void execute_without_float(Board *board) {
  board->float_ahead = false;
  start_stepping(board);
  execute(board);
  board->stepping = false;
}

static void take_pending_exception(Board *board) {
  systick_advance(board);
  const uint32_t number = exception_next(board);
  if (number && !exception_enter(board, number, register_read(board, UC_ARM_REG_PC)))
    board->control.locked_up = 1;
}

// What ends a run before the next instruction, or STOP_NONE.
static StopReason reason_to_stop(Board *board) {
  if (board->control.locked_up) return STOP_LOCKUP;
  if (board->stop) {
    const StopReason reason = board->stop;
    board->stop = STOP_NONE;
    return reason;
  }
  if (board->control.halt_request && !board->stepping) {
    board->control.halt_request = 0;
    return STOP_HALT_REQUEST;
  }
  return STOP_NONE;
}

static bool stopped_by_breakpoint(Board *board) {
  if (!at_breakpoint(board, register_read(board, UC_ARM_REG_PC))) return false;
  board->control.dfsr |= DFSR_BKPT;
  return true;
}

// Flash that was programmed is translated anew before code in it runs; the programming algorithm
// itself runs from RAM and would only be slowed down.
static void forget_old_flash_code(Board *board) {
  const uint32_t pc = register_read(board, UC_ARM_REG_PC);
  if (!board->flash.changed || writable_memory_at(board, pc, 2)) return;
  translations_flush(board);
  board->flash.changed = false;
}

StopReason board_run(Board *board) {
  forget_old_flash_code(board);
  board->stepping = false;
  board->line.quiet_polls = 0;
  StopReason reason;
  while (!(reason = reason_to_stop(board))) {
    take_pending_exception(board);
    if (board->control.locked_up) continue;
    if (stopped_by_breakpoint(board)) {
      reason = STOP_BREAKPOINT;
      break;
    }
    if (board->float_ahead) {
      execute_without_float(board);
    } else {
      if (board->float_begins) float_begin(board);
      execute(board);
    }
  }
  line_flush(board);
  return reason;
}

StopReason board_step(Board *board, bool mask_interrupts) {
  forget_old_flash_code(board);
  start_stepping(board);
  StopReason reason = reason_to_stop(board);
  if (reason) return reason;
  if (!mask_interrupts) take_pending_exception(board);
  if (!board->control.locked_up) execute(board);
  line_flush(board);
  reason = reason_to_stop(board);
  return reason ? reason : STOP_STEP;
}
