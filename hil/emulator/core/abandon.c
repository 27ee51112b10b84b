// Faults within an IT block, where Unicorn does not stop.
//
// Unicorn 2.1 leaves a block only between IT blocks, or where it cannot do what it should. A store
// that fails, or an instruction that a guard finds to trap, therefore does not end the execution:
// what follows in the IT block is executed, and so is what follows that, up to the next access to
// memory. Here that access is made to fail, and the registers are put back to what they were.
#include "board.h"

static const int saved_registers[SAVED_REGISTERS] = {
    // What SP and PRIMASK are depends on CONTROL.
    UC_ARM_REG_CONTROL, UC_ARM_REG_MSP,     UC_ARM_REG_PSP,       UC_ARM_REG_SP,
    UC_ARM_REG_PRIMASK, UC_ARM_REG_BASEPRI, UC_ARM_REG_FAULTMASK, UC_ARM_REG_LR,
    UC_ARM_REG_R0,      UC_ARM_REG_R0 + 1,  UC_ARM_REG_R0 + 2,    UC_ARM_REG_R0 + 3,
    UC_ARM_REG_R0 + 4,  UC_ARM_REG_R0 + 5,  UC_ARM_REG_R0 + 6,    UC_ARM_REG_R0 + 7,
    UC_ARM_REG_R0 + 8,  UC_ARM_REG_R0 + 9,  UC_ARM_REG_R0 + 10,   UC_ARM_REG_R0 + 11,
    UC_ARM_REG_R12,     UC_ARM_REG_FPSCR,
};

// Called for the instruction whose fault Unicorn would pass over, before it has had an effect.
// `it_state` is the ITSTATE that it is executed with, PC its address.
void abandon(Board *board, uint32_t it_state) {
  Abandoned *abandoned = &board->abandoned;
  for (int i = 0; i < SAVED_REGISTERS; i++)
    abandoned->registers[i] = register_read(board, saved_registers[i]);
  for (int i = 0; i < FLOAT_REGISTERS; i++)
    abandoned->floats[i] = register_read(board, UC_ARM_REG_S0 + i);
  abandoned->pc = register_read(board, UC_ARM_REG_PC);
  abandoned->xpsr = xpsr_with_it(register_read(board, UC_ARM_REG_XPSR), it_state);
  abandoned->block = board->current;
  abandoned->active = true;
  // Every access is looked up now, and on_tlb_fill refuses it.
  tlb_flush(board, false);
  look_up_now(board);
}

// The state that the abandoned instruction began with, for its fault.
void abandon_undo(Board *board) {
  Abandoned *abandoned = &board->abandoned;
  if (!abandoned->active) return;
  abandoned->active = false;
  for (int i = 0; i < SAVED_REGISTERS; i++)
    register_write(board, saved_registers[i], abandoned->registers[i]);
  for (int i = 0; i < FLOAT_REGISTERS; i++)
    register_write(board, UC_ARM_REG_S0 + i, abandoned->floats[i]);
  xpsr_write(board, abandoned->xpsr);
  register_write(board, UC_ARM_REG_PC, abandoned->pc | 1);
  board->current = abandoned->block;
}
