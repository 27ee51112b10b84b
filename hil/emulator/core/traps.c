// What Unicorn does not do when an instruction is executed: it is looked at before that.
//
// Traps that depend on operands: division by zero and unaligned accesses (ARM A3.2.1, B3.2.8).
//
// LDRD, LDM, VLDR and their like fault when their base register is unaligned, always; plain loads
// and stores only when CCR.UNALIGN_TRP is set, and divisions by zero when CCR.DIV_0_TRP is.
//
// A guard costs a call for each execution. That is nothing for LDRD and LDM, which are rare, but
// VLDR and VSTR are what float kernels mostly do: checked every time they made those 11 times
// slower. So each of them is checked FLOAT_CHECKS times and then trusted.
//
// LDREX is noted for monitor.c, MSR CONTROL for float.c. The base of an LDRD that loads its own
// base is kept: Unicorn has replaced it when the second access faults, and an instruction that
// faults leaves its base alone.
#include <string.h>

#include "board.h"

enum { CCR_UNALIGN_TRP = 1 << 3, CCR_DIV_0_TRP = 1 << 4 };
enum { FLOAT_CHECKS = 64, ALWAYS = 0x7fffffff };
enum { SP = 13, PC = 15, UNCONDITIONAL = 14 };

typedef struct {
  uint32_t first, second;  // halfwords; second is 0 for 16-bit instructions
} Code;

static Code code_at(Board *board, uint32_t address) {
  const uint8_t *bytes = memory_at(board, address, 2);
  if (!bytes) return (Code){0, 0};
  Code code = {bytes[0] | (uint32_t)bytes[1] << 8, 0};
  if (is_wide(bytes[1]) && (bytes = memory_at(board, address + 2, 2)))
    code.second = bytes[0] | (uint32_t)bytes[1] << 8;
  return code;
}

// Coprocessors 10 and 11 are the FPU (ARM A5.3.18).
static bool is_float_code(Code code) {
  return (code.first & 0xec00) == 0xec00 && (code.second >> 9 & 7) == 5;
}

bool is_float(Board *board, uint32_t address) {
  return is_float_code(code_at(board, address));
}

// SP is always aligned, and a literal's address is (ARM B1.4.1, A4.6).
static bool may_be_unaligned(uint32_t base) {
  return base != SP && base != PC;
}

// The base register of an instruction that wants words aligned whatever CCR says, or PC.
static uint32_t aligned_base(Code code) {
  const uint32_t first = code.first;
  if ((first & 0xf000) == 0xc000) return first >> 8 & 7;  // LDM, STM
  const bool multiple = (first & 0xfe40) == 0xe800 && (first >> 7 & 3) % 3;
  const bool dual = (first & 0xfe40) == 0xe840 && first & 0x0120;
  const bool exclusive = (first & 0xffe0) == 0xe840;
  const bool extension = (first & 0xfe00) == 0xec00 && is_float_code(code) && first & 0x01a0;
  return multiple || dual || exclusive || extension ? first & 0xf : PC;
}

// LDREX, LDREXB, LDREXH.
static bool is_load_exclusive(Code code) {
  return (code.first & 0xfff0) == 0xe850 ||
         ((code.first & 0xfff0) == 0xe8d0 && (code.second & 0x00e0) == 0x0040);
}

// LDRD Rn, Rt2, [Rn, #imm] or LDRD Rt, Rn, [Rn, #imm], without writeback.
static bool is_double_load_of_base(Code code) {
  const uint32_t base = code.first & 0xf;
  return (code.first & 0xff70) == 0xe950 &&
         (code.second >> 12 == base || (code.second >> 8 & 0xf) == base);
}

// MSR CONTROL.
static bool is_control_write(Code code) {
  return (code.first & 0xfff0) == 0xf380 && (code.second & 0xff) == 20;
}

static bool is_division(Code code) {
  return (code.first & 0xffd0) == 0xfb90 && (code.second & 0xf0f0) == 0xf0f0;
}

static uint32_t reg(Board *board, uint32_t number) {
  return number == SP  ? register_read(board, UC_ARM_REG_SP)
         : number > 12 ? 0
                       : register_read(board, UC_ARM_REG_R0 + (int)number);
}

// Address and size of a plain load or store of halfwords or words; size 1 when it is neither.
static uint32_t plain_access(Board *board, Code code, uint32_t *size) {
  static const uint8_t register_sizes[8] = {4, 2, 1, 1, 4, 2, 1, 2};
  const uint32_t first = code.first, second = code.second;
  const uint32_t low_base = first >> 3 & 7, imm5 = first >> 6 & 0x1f;
  *size = 1;
  switch (first >> 12) {
    case 0x5:
      *size = register_sizes[first >> 9 & 7];
      return reg(board, low_base) + reg(board, imm5 & 7);
    case 0x6:
      *size = 4;
      return reg(board, low_base) + 4 * imm5;
    case 0x8:
      *size = 2;
      return reg(board, low_base) + 2 * imm5;
  }
  const uint32_t base = first & 0xf;
  if ((first & 0xfe00) != 0xf800 || base == PC || (first >> 5 & 3) == 3) return 0;
  *size = 1u << (first >> 5 & 3);
  if (first & 0x80) return reg(board, base) + (second & 0xfff);
  if (!(second & 0x800)) return reg(board, base) + (reg(board, second & 0xf) << (second >> 4 & 3));
  if (!(second & 0x400)) return reg(board, base);  // post-indexed
  return second & 0x200 ? reg(board, base) + (second & 0xff) : reg(board, base) - (second & 0xff);
}

// The CFSR bit that this instruction raises with the operands it now has, or 0.
static uint32_t trap_of(Board *board, Code code) {
  if (board->control.lenient) return 0;
  const uint32_t base = aligned_base(code);
  if (may_be_unaligned(base) && reg(board, base) & 3) return CFSR_UNALIGNED;
  if (board->scs.ccr & CCR_DIV_0_TRP && is_division(code) && !reg(board, code.second & 0xf))
    return CFSR_DIVBYZERO;
  if (board->scs.ccr & CCR_UNALIGN_TRP) {
    uint32_t size;
    const uint32_t address = plain_access(board, code, &size);
    if (address & (size - 1)) return CFSR_UNALIGNED;
  }
  return 0;
}

// Whether the flags let an instruction of this condition through (ARM A7.3).
static bool condition_holds(Board *board, uint32_t condition) {
  const uint32_t flags = register_read(board, UC_ARM_REG_XPSR) >> 28;
  const bool n = flags >> 3 & 1, z = flags >> 2 & 1, c = flags >> 1 & 1, v = flags & 1;
  const bool holds[] = {z, c, n, v, c && !z, n == v, n == v && !z, true};
  return holds[condition >> 1] != (condition & 1 && condition < UNCONDITIONAL);
}

static Guard *guard_slot(Board *board, uint32_t address) {
  uint32_t i = address >> 1 & (GUARDS - 1);
  while (board->guards[i].address && board->guards[i].address != address)
    i = (i + 1) & (GUARDS - 1);
  return &board->guards[i];
}

static void on_guarded(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
  (void)size;
  Board *board = user;
  Guard *guard = guard_slot(board, (uint32_t)address);
  const uint32_t it_state = guard->it_state;
  if (!guard->hook || board->abandoned.active) return;
  if (it_state && !condition_holds(board, it_state >> 4)) return;
  const Code code = code_at(board, (uint32_t)address);
  if (is_load_exclusive(code)) board->exclusive_open = true;
  if (is_control_write(code)) {
    board->control_written = true;
    look_up_now(board);
  }
  if (is_double_load_of_base(code)) board->double_base = reg(board, code.first & 0xf);
  board->usage_fault = trap_of(board, code);
  if (!board->usage_fault && guard->checks_left != ALWAYS && --guard->checks_left == 0)
    board->spent_guard = guard;
  if (!board->usage_fault && !board->spent_guard) return;
  if (!it_state) {
    board->api.emu_stop(uc);
  } else if (board->usage_fault) {
    abandon(board, it_state);
  } else {
    look_up_now(board);  // the guard is taken off before the next block
  }
}

// For an access of the instruction at `pc` that faulted.
void traps_restore_base(Board *board, uint32_t pc) {
  const Code code = code_at(board, pc);
  if (is_double_load_of_base(code) && guard_slot(board, pc)->hook)
    register_write(board, UC_ARM_REG_R0 + (int)(code.first & 0xf), board->double_base);
}

void traps_retire(Board *board) {
  if (!board->spent_guard) return;
  board->api.hook_del(board->uc, board->spent_guard->hook);
  board->spent_guard->hook = 0;
  board->retranslate_begin = board->spent_guard->address;
  board->retranslate_end = board->spent_guard->address + 2;
  board->spent_guard = NULL;
}

static bool needs_guard(const Board *board, Code code) {
  if (is_load_exclusive(code) || is_control_write(code) || is_double_load_of_base(code))
    return true;
  if (board->control.lenient) return false;
  if (may_be_unaligned(aligned_base(code))) return true;
  if (board->scs.ccr & CCR_DIV_0_TRP && is_division(code)) return true;
  const uint32_t top = code.first >> 12;
  return board->scs.ccr & CCR_UNALIGN_TRP &&
         (top == 5 || top == 6 || top == 8 || (code.first & 0xfe00) == 0xf800);
}

static bool add_guard(Board *board, Guard wanted) {
  Guard *guard = guard_slot(board, wanted.address);
  if (guard->address || board->guard_count == GUARDS / 2) return false;
  if (board->api.hook_add(board->uc, &wanted.hook, UC_HOOK_CODE, (void *)on_guarded, board,
                          wanted.address, wanted.address))
    return false;
  *guard = wanted;
  board->guard_count++;
  return true;
}

// Puts guards on the instructions of a block that need one. True: it has new ones and must be
// translated again.
bool traps_guard(Board *board, uint32_t address, uint32_t size) {
  bool added = false;
  // ITSTATE (ARM A7.3.2): a block may begin in the middle of an IT block.
  uint32_t it = it_state_of(register_read(board, UC_ARM_REG_XPSR));
  for (uint32_t at = address; at < address + size;) {
    const Code code = code_at(board, at);
    const uint32_t checks = is_float_code(code) ? FLOAT_CHECKS : ALWAYS;
    if (needs_guard(board, code)) added |= add_guard(board, (Guard){at, it, checks, 0});
    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    if ((code.first & 0xff00) == 0xbf00 && code.first & 0xf) it = code.first & 0xff;
    at += is_wide((uint8_t)(code.first >> 8)) ? 4 : 2;
  }
  return added;
}

void traps_clear(Board *board) {
  for (uint32_t i = 0; i < GUARDS; i++)
    if (board->guards[i].hook) board->api.hook_del(board->uc, board->guards[i].hook);
  memset(board->guards, 0, sizeof board->guards);
  board->guard_count = 0;
  board->spent_guard = NULL;
}
