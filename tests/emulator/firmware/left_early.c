// What must survive where execution leaves a stretch of code early: faults in the middle of an
// instruction, and exceptions in the middle of IT blocks, floating point and LDREX/STREX.
#include "runtime.h"

enum { RAM_END = 0x20050000, IT_BITS = 0x0600fc00 };

static volatile uint32_t frame[8], fault_address, resume_at;
static volatile uint32_t ticks, ticks_in_it;

__attribute__((used)) static void save_fault(uint32_t *stack) {
  for (int i = 0; i < 8; i++) frame[i] = stack[i];
  fault_address = REG(0xE000ED38);
  stack[6] = resume_at;
}

__attribute__((naked)) void bus_fault_handler(void) {
  __asm__ volatile("mov r0, sp\n\tb save_fault");
}

// Changes the flags, GE, floating-point state and what the caller's IT block depends on.
__attribute__((naked)) void svc_handler(void) {
  __asm__ volatile(
      "movs r0, #255\n\tuadd8 r0, r0, r0\n\tvmov.f32 s0, #1.0\n\tvmov.f32 s1, #2.0\n\t"
      "vcmp.f32 s0, s1\n\tvmrs apsr_nzcv, fpscr\n\tbx lr");
}

__attribute__((used)) static void tick(const uint32_t *stack) {
  ticks++;
  if (stack[7] & IT_BITS) ticks_in_it++;
}

__attribute__((naked)) void systick_handler(void) {
  __asm__ volatile("mov r0, sp\n\tmovs r1, #0\n\tcmp r1, #1\n\tb tick");
}

// The stacked R0 of an instruction that faults with R0 as its base.
#define BASE_AFTER_FAULT(instruction, address)                                         \
  ({                                                                                   \
    register uint32_t r0 __asm__("r0") = (address);                                    \
    __asm__ volatile("adr r1, 2f\n\torr r1, #1\n\tstr r1, [%[resume]]\n\t" instruction \
                     "\n\t.balign 4\n\t2:"                                             \
                     : "+r"(r0)                                                        \
                     : [resume] "r"(&resume_at)                                        \
                     : "r1", "r2", "r12", "lr", "cc", "memory");                       \
    frame[0];                                                                          \
  })

// Whether STREX fails after `between`.
#define STORE_FAILS(between)                                                               \
  ({                                                                                       \
    uint32_t fails;                                                                        \
    static uint32_t word;                                                                  \
    __asm__ volatile("ldrex r1, [%[word]]\n\t" between "\n\tstrex %[fails], r1, [%[word]]" \
                     : [fails] "=&r"(fails)                                                \
                     : [word] "r"(&word)                                                   \
                     : "r1", "r12", "lr", "s0", "s1", "cc", "memory");                     \
    fails;                                                                                 \
  })

static uint32_t selected_after_call(void) {
  uint32_t result;
  __asm__ volatile(
      "mov r1, #0x00ff00ff\n\tuadd8 r1, r1, r1\n\tmvn r1, #0\n\tmovs r2, #0\n\t"
      "svc 0\n\tsel %0, r1, r2"
      : "=r"(result)::"r0", "r1", "r2", "r12", "lr", "cc");
  return result;
}

// FPSCR: its flags, and the rounding mode, over a call whose handler uses the FPU.
static uint32_t fpscr_after_call(void) {
  uint32_t result;
  __asm__ volatile(
      "mov r1, #0x00c00000\n\tvmsr fpscr, r1\n\tvmov.f32 s0, #2.0\n\tvcmp.f32 s0, s0\n\t"
      "svc 0\n\tvmov.f32 s2, #1.0\n\tvmrs %0, fpscr"
      : "=r"(result)::"r0", "r1", "r12", "lr", "s0", "s1", "s2", "cc");
  __asm__ volatile("vmsr fpscr, %0" ::"r"(0));
  return result;
}

// The first floating-point instruction that this block holds is not executed, the second is: its
// state must be stacked. Each time with the code translated anew or not, whichever it is.
static uint32_t kept_float(uint32_t skip) {
  uint32_t result;
  __asm__ volatile(
      "mrs r1, control\n\tbic r1, #4\n\tmsr control, r1\n\tisb\n\t"
      "cmp %[skip], #1\n\tit ne\n\tvmovne.f32 s0, #3.0\n\tvmov.f32 s0, #4.0\n\t"
      "svc 0\n\tvmov %[result], s0"
      : [result] "=&r"(result)
      : [skip] "r"(skip)
      : "r0", "r1", "r12", "lr", "s0", "s1", "cc");
  return result;
}

// 3,000 IT blocks of four over the end of a page of code, where an interrupt may be taken. Gives
// how many of the instructions were executed: two in each block.
NOINLINE static uint32_t interrupted_it_blocks(void) {
  uint32_t executed;
  __asm__ volatile(
      "movs %[executed], #0\n\tmovw r1, #3000\n\tb 1f\n\t.balign 0x1000\n\t.space 0xff8\n\t"
      "1: cmp r1, #0\n\titete ne\n\taddne %[executed], #1\n\tmoveq %[executed], #0\n\t"
      "addne %[executed], #1\n\tmoveq %[executed], #0\n\tsubs r1, #1\n\tbne 1b"
      : [executed] "=&r"(executed)::"r1", "cc");
  return executed;
}

// A function in RAM, MOVS R0, #imm and BX LR, whose constant an IT block rewrites before each call.
static uint32_t rewritten_in_it_block(void) {
  static uint16_t code[2] __attribute__((aligned(4)));
  uint32_t sum = 0;
  code[1] = 0x4770;
  for (uint32_t turn = 1; turn <= 9; turn++) {
    const uint32_t instruction = 0x2000 | turn;
    __asm__ volatile("cmp %0, #0\n\titt ne\n\tstrhne %1, [%2]\n\taddne %0, #0" ::"r"(turn),
                     "r"(instruction), "r"(code)
                     : "cc", "memory");
    barrier();
    sum = 10 * sum + ((uint32_t (*)(void))((uint32_t)code | 1))();
  }
  return sum;
}

void test(void) {
  enable_fpu();
  REG(0xE000ED24) |= 1u << 17;  // SHCSR: BusFault
  for (int i = 2; i; i--) REG(RAM_END - 4 * i) = 0x11111111u * (uint32_t)i;
  results[0] = BASE_AFTER_FAULT("ldm r0, {r0, r1, r2}", RAM_END - 8) - (RAM_END - 8);
  results[1] = BASE_AFTER_FAULT("ldrd r0, r1, [r0]", RAM_END - 4) - (RAM_END - 4);
  results[2] = BASE_AFTER_FAULT("ldrd r1, r0, [r0, #-4]", RAM_END) - RAM_END;
  results[3] = BASE_AFTER_FAULT("stmdb r0!, {r1, r2}", RAM_END + 8) - (RAM_END + 8);
  (void)BASE_AFTER_FAULT("str r1, [r0]", RAM_END - 2);
  results[4] = fault_address;
  results[5] = STORE_FAILS("nop");
  results[6] = STORE_FAILS("svc 0");
  results[7] = STORE_FAILS("cmp r1, r1\n\tite ne\n\tnopne\n\tsvceq 0");
  results[8] = STORE_FAILS("cmp r1, r1\n\tite eq\n\tsvceq 0\n\tnopne");
  results[9] = selected_after_call();
  results[10] = fpscr_after_call();
  for (int i = 0; i < 4; i++) results[11 + i] = kept_float((uint32_t)i & 1);
  REG(0xE000E014) = 88;  // SysTick: reload
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  results[15] = interrupted_it_blocks();
  REG(0xE000E010) = 0;
  results[16] = ticks > 100;
  results[17] = ticks_in_it > 0;
  results[18] = rewritten_in_it_block();
}
