// Operators whose instructions are known one by one, called as an image calls its operators.
#include "runtime.h"

void run_operators(void);

__asm__(
    ".syntax unified\n"
    ".macro function name\n"
    "  .section .text.\\name, \"ax\"\n"
    "  .balign 4\n"
    "  .global \\name\n"
    "  .type \\name, %function\n"
    "  .thumb_func\n"
    "\\name:\n"
    ".endm\n"
    ".macro end name\n"
    "  .size \\name, . - \\name\n"
    ".endm\n"
    ".macro operator name\n"
    "  bl hil_operator_begin\n"
    "  bl \\name\n"
    "  bl hil_operator_end\n"
    ".endm\n"

    "function hil_operator_begin\n  bx lr\nend hil_operator_begin\n"
    "function hil_operator_end\n  bx lr\nend hil_operator_end\n"

    // 100 turns: 1 load, 1 store, 3 multiplications, 1 division, 1 branch, 1 other.
    "function integer_operator\n"
    "  push {r4, lr}\n"
    "  movs r0, #100\n"
    "1: ldr r1, [sp]\n"
    "  mla r2, r1, r1, r0\n"
    "  smlad r2, r1, r2, r0\n"
    "  smull r2, r3, r1, r2\n"
    "  udiv r3, r1, r0\n"
    "  str r1, [sp]\n"
    "  subs r0, #1\n"
    "  bne 1b\n"
    "  pop {r4, pc}\n"
    "end integer_operator\n"

    // 100 turns: 6 others, of which one is skipped, and 1 branch.
    "function conditional_operator\n"
    "  movs r0, #100\n"
    "1: cmp r0, r0\n"
    "  ite eq\n"
    "  moveq r1, #1\n"
    "  movne r1, #2\n"
    "  subs r0, #1\n"
    "  cmp r0, #0\n"
    "  bne 1b\n"
    "  bx lr\n"
    "end conditional_operator\n"

    // 100 turns: 1 load, 1 store, 4 of floating point, 1 branch, 1 other. More turns than a VLDR is
    // checked in: the block is left at it and entered again.
    "function float_operator\n"
    "  mov r1, r0\n"
    "  movs r0, #100\n"
    "1: vldr s0, [r1]\n"
    "  vmla.f32 s1, s0, s0\n"
    "  vmov.f32 s2, #1.0\n"
    "  vcmp.f32 s0, s1\n"
    "  vmrs APSR_nzcv, fpscr\n"
    "  vstr s0, [r1]\n"
    "  subs r0, #1\n"
    "  bne 1b\n"
    "  bx lr\n"
    "end float_operator\n"

    // Begins with what is checked 64 times, so that it is left before its first instruction.
    "function leaf\n"
    "  vldr s0, [r5]\n"
    "  ldrd r1, r2, [r5]\n"
    "  bx lr\n"
    "end leaf\n"
    "function calling_operator\n"
    "  push {r4, r5, r6, lr}\n"
    "  mov r5, r0\n"
    "  movs r4, #100\n"
    "1: bl leaf\n"
    "  subs r4, #1\n"
    "  bne 1b\n"
    "  pop {r4, r5, r6, pc}\n"
    "end calling_operator\n"

    // A supervisor call and a load from nowhere, both in the middle of a block.
    "function failing_operator\n"
    "  movs r1, #1\n"
    "  svc #0\n"
    "  movs r1, #0x30000000\n"
    "  ldr.w r1, [r1]\n"
    "  movs r1, #2\n"
    "  bx lr\n"
    "end failing_operator\n"
    "function svc_handler\n  bx lr\nend svc_handler\n"
    "function bus_fault_handler\n"
    "  ldr r0, [sp, #24]\n"
    "  adds r0, #4\n"
    "  str r0, [sp, #24]\n"
    "  bx lr\n"
    "end bus_fault_handler\n"

    "function run_operators\n"
    "  push {r4, lr}\n"
    "  mov r4, r0\n"
    "  operator integer_operator\n"
    "  operator conditional_operator\n"
    "  mov r0, r4\n"
    "  operator float_operator\n"
    "  mov r0, r4\n"
    "  operator calling_operator\n"
    "  operator failing_operator\n"
    "  bl hil_operator_begin\n"
    "  operator conditional_operator\n"  // within another operator
    "  bl hil_operator_end\n"
    "  pop {r4, pc}\n"
    "end run_operators\n"
    ".text\n");

static NOINLINE void before_window(void) {
  __asm__ volatile("");
}

void test(void) {
  static uint32_t operands[2];
  enable_fpu();
  REG(0xE000ED24) |= 1u << 17;  // BusFault has a handler of its own
  start_cycle_counter();
  before_window();
  const uint32_t start = CYCCNT;
  __asm__ volatile("mov r0, %0\n\tbl run_operators" ::"r"(operands)
                   : "r0", "r1", "r2", "r3", "r12", "lr", "s0", "s1", "s2", "cc", "memory");
  const uint32_t stop = CYCCNT;
  results[0] = stop - start;
  results[1] = start;
  results[2] = stop;
#ifdef FOREVER
  for (volatile uint32_t turn = 0;; turn++) {
  }
#endif
}
