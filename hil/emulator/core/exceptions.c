// Exception entry, return, priorities and fault escalation of ARMv7-M (ARM B1.5).
// Unicorn only reports that something happened; the core's side of it is here.
#include "board.h"

enum {
  LOWEST_PRIORITY = 256,
  BASIC_FRAME_WORDS = 8,
  FP_FRAME_WORDS = 26,
  FRAME_FPSCR = 24,
  XPSR_THUMB = 1 << 24,
  XPSR_FRAME_PADDED = 1 << 9,
  EXC_RETURN_PSP = 1 << 2,
  EXC_RETURN_THREAD = 1 << 3,
  EXC_RETURN_BASIC_FRAME = 1 << 4,
};

static bool bit_of(const uint32_t *words, uint32_t number) {
  return words[number / 32] >> (number % 32) & 1;
}

static void set_bit(uint32_t *words, uint32_t number, bool value) {
  if (value)
    words[number / 32] |= 1u << (number % 32);
  else
    words[number / 32] &= ~(1u << (number % 32));
}

void exception_pend(Board *board, uint32_t number) {
  set_bit(board->nvic.pending, number, true);
  board->nvic.any_pending = true;
  look_up_now(board);
}

void exception_unpend(Board *board, uint32_t number) {
  set_bit(board->nvic.pending, number, false);
}

bool exception_is_active(const Board *board, uint32_t number) {
  return bit_of(board->nvic.active, number);
}

static int priority_of(const Board *board, uint32_t number) {
  if (number == EXC_NMI) return -2;
  if (number == EXC_HARD_FAULT) return -1;
  return board->nvic.priority[number];
}

// The part of a priority that decides on preemption (AIRCR.PRIGROUP, ARM B1.5.4).
static int group_priority(const Board *board, int priority) {
  if (priority < 0) return priority;
  return priority & ~((2 << (board->scs.aircr >> 8 & 7)) - 1);
}

static int active_priority(const Board *board) {
  int lowest = LOWEST_PRIORITY;
  for (uint32_t word = 0; word < EXCEPTION_WORDS; word++) {
    for (uint32_t bits = board->nvic.active[word]; bits; bits &= bits - 1) {
      const uint32_t number = word * 32 + (uint32_t)__builtin_ctz(bits);
      const int priority = group_priority(board, priority_of(board, number));
      if (priority < lowest) lowest = priority;
    }
  }
  return lowest;
}

int execution_priority(Board *board) {
  int priority = active_priority(board);
  const int basepri = (int)(register_read(board, UC_ARM_REG_BASEPRI) & 0xff);
  if (basepri && group_priority(board, basepri) < priority)
    priority = group_priority(board, basepri);
  if (register_read(board, UC_ARM_REG_PRIMASK) & 1 && priority > 0) priority = 0;
  if (register_read(board, UC_ARM_REG_FAULTMASK) & 1 && priority > -1) priority = -1;
  return priority;
}

// The pending exception to take now, or EXC_NONE.
uint32_t exception_next(Board *board) {
  if (!board->nvic.any_pending) return EXC_NONE;
  uint32_t best = EXC_NONE;
  int best_priority = LOWEST_PRIORITY + 1;
  bool any = false;
  for (uint32_t word = 0; word < EXCEPTION_WORDS; word++) {
    for (uint32_t bits = board->nvic.pending[word]; bits; bits &= bits - 1) {
      const uint32_t number = word * 32 + (uint32_t)__builtin_ctz(bits);
      any = true;
      if (number >= EXC_IRQ0 && !bit_of(board->nvic.enabled, number)) continue;
      if (priority_of(board, number) < best_priority) {
        best_priority = priority_of(board, number);
        best = number;
      }
    }
  }
  board->nvic.any_pending = any;
  if (!best || group_priority(board, best_priority) >= execution_priority(board)) return EXC_NONE;
  return best;
}

// Writes the frame at `frame`; false when that is not writable memory (ARM B1.5.6 PushStack).
static bool push_frame(Board *board, uint32_t frame, bool padded, bool fp,
                       uint32_t return_address) {
  const uint32_t words = fp ? FP_FRAME_WORDS : BASIC_FRAME_WORDS;
  uint32_t *stack = (uint32_t *)(void *)writable_memory_at(board, frame, words * 4);
  if (!stack) return false;
  for (int i = 0; i < 4; i++) stack[i] = register_read(board, UC_ARM_REG_R0 + i);
  stack[4] = register_read(board, UC_ARM_REG_R12);
  stack[5] = register_read(board, UC_ARM_REG_LR);
  stack[6] = return_address;
  stack[7] = (register_read(board, UC_ARM_REG_XPSR) & ~(uint32_t)XPSR_FRAME_PADDED) |
             (padded ? XPSR_FRAME_PADDED : 0);
  if (fp) {
    for (int i = 0; i < 16; i++)
      stack[BASIC_FRAME_WORDS + i] = register_read(board, UC_ARM_REG_S0 + i);
    stack[FRAME_FPSCR] = register_read(board, UC_ARM_REG_FPSCR);
  }
  return true;
}

static void pop_registers(Board *board, const uint32_t *stack, bool fp) {
  for (int i = 0; i < 4; i++) register_write(board, UC_ARM_REG_R0 + i, stack[i]);
  register_write(board, UC_ARM_REG_R12, stack[4]);
  register_write(board, UC_ARM_REG_LR, stack[5]);
  if (!fp) return;
  for (int i = 0; i < 16; i++)
    register_write(board, UC_ARM_REG_S0 + i, stack[BASIC_FRAME_WORDS + i]);
  register_write(board, UC_ARM_REG_FPSCR, stack[FRAME_FPSCR]);
}

// Takes the exception (ARM B1.5.6). Returns false on lockup.
bool exception_enter(Board *board, uint32_t number, uint32_t return_address) {
  const uint32_t control = register_read(board, UC_ARM_REG_CONTROL);
  const uint32_t ipsr = register_read(board, UC_ARM_REG_IPSR) & 0x1ff;
  const bool fp = control & CONTROL_FPCA;
  const bool process_stack = !ipsr && control & CONTROL_SPSEL;
  const uint32_t sp = register_read(board, UC_ARM_REG_SP);
  const uint32_t unaligned = sp - 4 * (fp ? FP_FRAME_WORDS : BASIC_FRAME_WORDS);
  const bool padded = unaligned & 4;
  const uint32_t frame = unaligned & ~7u;

  if (!push_frame(board, frame, padded, fp, return_address)) {
    board->scs.cfsr |= CFSR_STKERR;
    if (ipsr == EXC_HARD_FAULT && number != EXC_HARD_FAULT) return false;
    if (number != EXC_HARD_FAULT) {
      // A fault while stacking another exception; taken as HardFault, whose handler must not
      // trust SP (ARM B1.5.11: derived exceptions).
      board->scs.hfsr |= HFSR_FORCED;
      number = EXC_HARD_FAULT;
    }
  }
  monitor_clear(board);
  register_write(board, UC_ARM_REG_SP, frame);
  set_bit(board->nvic.active, number, true);
  set_bit(board->nvic.pending, number, false);
  register_write(board, UC_ARM_REG_IPSR, number);
  it_state_clear(board);
  register_write(board, UC_ARM_REG_CONTROL, control & CONTROL_NPRIV);
  float_state_changed(board);
  register_write(board, UC_ARM_REG_LR,
                 0xffffffe1u | (fp ? 0 : EXC_RETURN_BASIC_FRAME) | (ipsr ? 0 : EXC_RETURN_THREAD) |
                     (process_stack ? EXC_RETURN_PSP : 0));
  board->control.last_exception = number;
  board->control.exceptions++;

  const uint8_t *vector = memory_at(board, board->scs.vtor + 4 * number, 4);
  const uint32_t handler = vector ? *(const uint32_t *)(const void *)vector : 0;
  if (handler & 1) {
    register_write(board, UC_ARM_REG_PC, handler);
    return true;
  }
  if (number == EXC_HARD_FAULT) return false;
  board->scs.hfsr |= HFSR_VECTTBL;
  return exception_enter(board, EXC_HARD_FAULT, return_address);
}

// Returns from the active exception (ARM B1.5.8). Gives EXC_NONE, or the fault that is due instead,
// its cause already in CFSR.
uint32_t exception_return(Board *board, uint32_t exc_return) {
  const uint32_t ipsr = register_read(board, UC_ARM_REG_IPSR) & 0x1ff;
  const bool to_thread = exc_return & EXC_RETURN_THREAD;
  const bool process_stack = exc_return & EXC_RETURN_PSP;
  const bool fp = !(exc_return & EXC_RETURN_BASIC_FRAME);
  if (!exception_is_active(board, ipsr) || (process_stack && !to_thread)) {
    board->scs.cfsr |= CFSR_INVPC;
    return EXC_USAGE_FAULT;
  }
  const int sp_register = process_stack ? UC_ARM_REG_PSP : UC_ARM_REG_SP;
  const uint32_t frame = register_read(board, sp_register);
  const uint32_t words = fp ? FP_FRAME_WORDS : BASIC_FRAME_WORDS;
  const uint32_t *stack = (const uint32_t *)(const void *)memory_at(board, frame, words * 4);
  if (!stack) {
    board->scs.cfsr |= CFSR_UNSTKERR;
    return EXC_BUS_FAULT;
  }
  monitor_clear(board);
  set_bit(board->nvic.active, ipsr, false);
  board->nvic.any_pending = true;  // what this exception masked may be due now
  look_up_now(board);
  if (ipsr != EXC_NMI) register_write(board, UC_ARM_REG_FAULTMASK, 0);
  pop_registers(board, stack, fp);
  const uint32_t return_address = stack[6], xpsr = stack[7];
  register_write(board, sp_register, frame + words * 4 + (xpsr & XPSR_FRAME_PADDED ? 4 : 0));
  const uint32_t privilege = register_read(board, UC_ARM_REG_CONTROL) & CONTROL_NPRIV;
  register_write(board, UC_ARM_REG_IPSR, to_thread ? 0 : xpsr & 0x1ff);
  if (to_thread)
    register_write(board, UC_ARM_REG_CONTROL,
                   privilege | (process_stack ? CONTROL_SPSEL : 0) | (fp ? CONTROL_FLOAT : 0));
  float_state_changed(board);
  xpsr_write(board, xpsr);
  register_write(board, UC_ARM_REG_PC, return_address | (xpsr & XPSR_THUMB ? 1 : 0));
  return EXC_NONE;
}

static bool is_enabled(const Board *board, uint32_t number) {
  switch (number) {
    case EXC_MEM_MANAGE:
      return board->scs.shcsr >> 16 & 1;
    case EXC_BUS_FAULT:
      return board->scs.shcsr >> 17 & 1;
    case EXC_USAGE_FAULT:
      return board->scs.shcsr >> 18 & 1;
    default:
      return true;
  }
}

// Raises a synchronous fault at `pc`, escalated to HardFault where it must be (ARM B1.5.9).
// Returns false on lockup.
bool fault_raise(Board *board, uint32_t number, uint32_t pc, bool *caught_by_debugger) {
  const int priority = execution_priority(board);
  if (number != EXC_HARD_FAULT && (!is_enabled(board, number) ||
                                   group_priority(board, priority_of(board, number)) >= priority)) {
    board->scs.hfsr |= HFSR_FORCED;
    number = EXC_HARD_FAULT;
  }
  board->control.fault_pc = pc;
  board->control.fault_cfsr = board->scs.cfsr;
  board->control.fault_hfsr = board->scs.hfsr;
  if (number == EXC_HARD_FAULT && priority <= -1) return false;
  *caught_by_debugger = number == EXC_HARD_FAULT && board->control.debug_enabled &&
                        board->control.demcr & DEMCR_VC_HARDERR;
  return exception_enter(board, number, pc);
}
