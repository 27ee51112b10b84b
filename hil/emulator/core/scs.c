// System control block and the rest of the system control space (ARM B3.2).
#include <string.h>

#include "board.h"

enum {
  ICTR = 0x004,
  SYSTICK = 0x010,
  SYSTICK_END = 0x020,
  CPUID = 0xd00,
  ICSR = 0xd04,
  VTOR = 0xd08,
  AIRCR = 0xd0c,
  SCR = 0xd10,
  CCR = 0xd14,
  SHPR1 = 0xd18,
  SHPR_END = 0xd24,
  SHCSR = 0xd24,
  CFSR = 0xd28,
  HFSR = 0xd2c,
  DFSR = 0xd30,
  MMFAR = 0xd34,
  BFAR = 0xd38,
  CLIDR = 0xd78,
  CTR = 0xd7c,
  CCSIDR = 0xd80,
  CSSELR = 0xd84,
  CPACR = 0xd88,
  MPU_TYPE = 0xd90,
  MPU_CTRL = 0xd94,
  DHCSR = 0xdf0,
  DEMCR = 0xdfc,
  ICIALLU = 0xf50,
  DCISW = 0xf60,
  FPCCR = 0xf34,
  FPCAR = 0xf38,
  FPDSCR = 0xf3c,
  MVFR0 = 0xf40,
  MVFR1 = 0xf44,
  MVFR2 = 0xf48,
};

enum { AIRCR_KEY = 0x05fa, AIRCR_SYSRESETREQ = 1 << 2, AIRCR_PRIGROUP = 7 << 8 };
enum { CCR_UNALIGN_TRP = 1 << 3, CCR_DIV_0_TRP = 1 << 4, CCR_STKALIGN = 1 << 9 };

void scs_reset(Board *board) {
  const uint32_t start = board->chip.boot_address;
  board->scs = (SystemControl){.vtor = start, .fpccr = 0xc0000000u};
  memset(&board->nvic, 0, sizeof board->nvic);
  systick_reset(board);
}

static uint32_t icsr(Board *board) {
  const uint32_t active = register_read(board, UC_ARM_REG_IPSR) & 0x1ff;
  const uint32_t pending = board->nvic.pending[0];
  return active | (pending >> EXC_PENDSV & 1) << 28 | (pending >> EXC_SYSTICK & 1) << 26 |
         (pending >> EXC_NMI & 1) << 31;
}

static void write_icsr(Board *board, uint32_t value) {
  if (value >> 31 & 1) exception_pend(board, EXC_NMI);
  if (value >> 28 & 1) exception_pend(board, EXC_PENDSV);
  if (value >> 27 & 1) exception_unpend(board, EXC_PENDSV);
  if (value >> 26 & 1) exception_pend(board, EXC_SYSTICK);
  if (value >> 25 & 1) exception_unpend(board, EXC_SYSTICK);
}

static uint32_t shcsr(const Board *board) {
  const uint32_t active = board->nvic.active[0];
  return board->scs.shcsr | (active >> EXC_MEM_MANAGE & 1) | (active >> EXC_BUS_FAULT & 1) << 1 |
         (active >> EXC_USAGE_FAULT & 1) << 3 | (active >> EXC_SVCALL & 1) << 7 |
         (active >> EXC_PENDSV & 1) << 10 | (active >> EXC_SYSTICK & 1) << 11;
}

// Cache size of the level that CSSELR selects: 4 KiB each, 32-byte lines; data 4 ways of 32 sets,
// instructions 2 ways of 64 sets (RM 2.2, Cortex-M7 TRM table 4-4).
static uint32_t ccsidr(const Board *board) {
  return board->scs.csselr & 1 ? 0xf007e009u : 0xf003e019u;
}

uint32_t scs_read(Board *board, uint32_t offset) {
  const SystemControl *scs = &board->scs;
  if (nvic_has(offset)) return nvic_read(board, offset);
  if (offset >= SYSTICK && offset < SYSTICK_END) return systick_read(board, offset);
  if (offset >= SHPR1 && offset < SHPR_END) {
    uint32_t value;
    memcpy(&value, &board->nvic.priority[EXC_MEM_MANAGE + offset - SHPR1], sizeof value);
    return value;
  }
  switch (offset) {
    case ICTR:
      return (board->chip.irq_count + 31) / 32 - 1;
    case CPUID:
      return board->chip.cpuid;
    case ICSR:
      return icsr(board);
    case VTOR:
      return scs->vtor;
    case AIRCR:
      return 0xfa050000u | (scs->aircr & AIRCR_PRIGROUP);
    case SCR:
      return scs->scr;
    case CCR:
      return scs->ccr | CCR_STKALIGN;
    case SHCSR:
      return shcsr(board);
    case CFSR:
      return scs->cfsr;
    case HFSR:
      return scs->hfsr;
    case DFSR:
      return board->control.dfsr;
    case MMFAR:
      return scs->mmfar;
    case BFAR:
      return scs->bfar;
    case CLIDR:
      return 0x09000003u;
    case CTR:
      return 0x8303c003u;
    case CCSIDR:
      return ccsidr(board);
    case CSSELR:
      return scs->csselr;
    case CPACR:
      return scs->cpacr;
    case MPU_TYPE:
      return 8u << 8;
    case DHCSR:
      return board->control.debug_enabled ? 1u | 1u << 16 : 1u << 16;
    case DEMCR:
      return board->control.demcr;
    case FPCCR:
      return scs->fpccr;
    case FPCAR:
      return scs->fpcar;
    case FPDSCR:
      return scs->fpdscr;
    case MVFR0:  // single precision only, as in the STM32F74x (Cortex-M7 TRM table 8-2)
      return 0x10110021u;
    case MVFR1:
      return 0x11000011u;
    case MVFR2:
      return 0x00000040u;
    default:
      return 0;
  }
}

void scs_write(Board *board, uint32_t offset, uint32_t value) {
  SystemControl *scs = &board->scs;
  if (nvic_has(offset)) {
    nvic_write(board, offset, value);
    return;
  }
  if (offset >= SYSTICK && offset < SYSTICK_END) {
    systick_write(board, offset, value);
    return;
  }
  if (offset >= SHPR1 && offset < SHPR_END) {
    value &= 0xf0f0f0f0u;
    memcpy(&board->nvic.priority[EXC_MEM_MANAGE + offset - SHPR1], &value, sizeof value);
    return;
  }
  switch (offset) {
    case ICSR:
      write_icsr(board, value);
      break;
    case VTOR:
      scs->vtor = value & ~0x7fu;
      break;
    case AIRCR:
      if (value >> 16 != AIRCR_KEY) break;
      scs->aircr = value & AIRCR_PRIGROUP;
      if (value & AIRCR_SYSRESETREQ) board_stop(board, STOP_RESET);
      break;
    case SCR:
      scs->scr = value;
      break;
    case CCR:
      // Which instructions may trap is decided when they are translated.
      if ((scs->ccr ^ value) & (CCR_UNALIGN_TRP | CCR_DIV_0_TRP)) board->translations_stale = true;
      scs->ccr = value;
      strict_check_caches(board);
      look_up_now(board);
      break;
    case ICIALLU:
      scs->icache_invalidated = true;
      break;
    case DCISW:
      strict_invalidated_line(board, value);
      break;
    case MPU_CTRL:
      strict_check_mpu(board, value);
      break;
    case SHCSR:
      scs->shcsr = value & 7u << 16;
      break;
    case CFSR:
      scs->cfsr &= ~value;
      break;
    case HFSR:
      scs->hfsr &= ~value;
      break;
    case DFSR:
      board->control.dfsr &= ~value;
      break;
    case CSSELR:
      scs->csselr = value & 0xf;
      break;
    case CPACR:
      scs->cpacr = value & 0xfu << 20;
      look_up_now(board);
      break;
    case DEMCR:
      dwt_write_demcr(board, value);
      break;
    case FPCCR:
      scs->fpccr = value;
      break;
    case FPCAR:
      scs->fpcar = value & ~7u;
      break;
    case FPDSCR:
      scs->fpdscr = value & 0x07c00000u;
      break;
  }
}
