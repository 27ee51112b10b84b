// What Unicorn stopped for, turned into what an ARMv7-M core does: faults, calls, breakpoints,
// sleep.
#include "board.h"

enum { WFI_SLEEP_MS = 1 };

static void raise_fault(Board *board, uint32_t number, uint32_t pc) {
  bool caught = false;
  if (!fault_raise(board, number, pc, &caught)) board->control.locked_up = 1;
  if (caught) {
    board->control.dfsr |= DFSR_VCATCH;
    board_stop(board, STOP_VECTOR_CATCH);
  }
}

// Peripheral and system space is execute-never (ARM B3.1, table B3-1).
static bool is_execute_never(uint32_t address) {
  return (address >= 0x40000000u && address < 0x60000000u) || address >= 0xa0000000u;
}

static void raise_memory_fault(Board *board, uint32_t pc) {
  const uint32_t address = board->memory_error_address;
  board->control.fault_address = address;
  if (board->memory_error == UC_MEM_FETCH_UNMAPPED || board->memory_error == UC_MEM_FETCH_PROT) {
    const bool execute_never = is_execute_never(address);
    board->scs.cfsr |= execute_never ? CFSR_IACCVIOL : CFSR_IBUSERR;
    raise_fault(board, execute_never ? EXC_MEM_MANAGE : EXC_BUS_FAULT, address);
    return;
  }
  traps_restore_base(board, pc);
  board->scs.cfsr |= CFSR_PRECISERR | CFSR_BFARVALID;
  board->scs.bfar = address;
  raise_fault(board, EXC_BUS_FAULT, pc);
}

void usage_fault_raise(Board *board, uint32_t cause, uint32_t pc) {
  board->scs.cfsr |= cause;
  raise_fault(board, EXC_USAGE_FAULT, pc);
}

static void supervisor_call(Board *board, uint32_t pc) {
  exception_pend(board, EXC_SVCALL);
  if (execution_priority(board) > board->nvic.priority[EXC_SVCALL]) return;
  exception_unpend(board, EXC_SVCALL);  // cannot be taken now: escalates (ARM B1.5.9)
  board->scs.hfsr |= HFSR_FORCED;
  raise_fault(board, EXC_HARD_FAULT, pc);
}

static void software_breakpoint(Board *board, uint32_t pc) {
  if (board->control.debug_enabled) {
    board->control.dfsr |= DFSR_BKPT;
    board_stop(board, STOP_BREAKPOINT);
    return;
  }
  board->scs.hfsr |= HFSR_DEBUGEVT;
  raise_fault(board, EXC_HARD_FAULT, pc);
}

static void internal_error(Board *board, uint32_t code) {
  board->control.internal_error = code;
  board_stop(board, STOP_INTERNAL);
}

static void handle_interrupt(Board *board, uint32_t pc) {
  switch (board->intr) {
    case UC_INTR_SVC:
      supervisor_call(board, pc);
      return;
    case UC_INTR_BKPT:
      software_breakpoint(board, pc);
      return;
    case UC_INTR_EXC_RETURN: {
      const uint32_t fault = exception_return(board, pc | 1);
      if (fault) raise_fault(board, fault, pc);
      return;
    }
    case UC_INTR_NOCP:
      usage_fault_raise(board, CFSR_NOCP, pc);
      return;
    default:
      internal_error(board, 1000u + (uint32_t)board->intr);
  }
}

// WFI returns at the next interrupt, debugger request or wake-up; time passes meanwhile.
static void wait_for_interrupt(Board *board) {
  while (!board->control.halt_request && !board->nvic.any_pending) {
    line_flush(board);
    board_sleep(board, WFI_SLEEP_MS);
  }
}

void outcome_handle(Board *board, int error) {
  abandon_undo(board);
  const uint32_t pc = register_read(board, UC_ARM_REG_PC);
  if (!board->stepping) {
    float_take_back(board, pc);
    board->control.instructions -= block_remaining(board, pc);
    trace_cut(board, pc);
  }
  if (board->usage_fault) {
    usage_fault_raise(board, board->usage_fault, pc);
  } else if (board->memory_error) {
    raise_memory_fault(board, pc);
  } else if (board->invalid_instruction) {
    const bool thumb = register_read(board, UC_ARM_REG_XPSR) >> 24 & 1;
    usage_fault_raise(board, thumb ? CFSR_UNDEFINSTR : CFSR_INVSTATE, pc);
  } else if (board->intr != NEVER) {
    handle_interrupt(board, pc);
  } else if (board->spent_guard) {
    traps_retire(board);
  } else if (error == UC_ERR_EXCEPTION) {
    usage_fault_raise(board, CFSR_INVSTATE, pc);
  } else if (error) {
    internal_error(board, 2000u + (uint32_t)error);
  } else if (!board->stepping && board->current && !board->control.halt_request && !board->stop &&
             !board->control.locked_up && !at_breakpoint(board, pc)) {
    wait_for_interrupt(board);
  }
}
