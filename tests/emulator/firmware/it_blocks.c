// IT blocks whose accesses to memory miss the TLB, reach peripherals, or fault.
#include "runtime.h"

enum { GAP = 0x40002400, GPIOA_ODR = 0x40020014, RCC_CR = 0x40023800, RCC_AHB1ENR = 0x40023830 };
enum { FRESH_RAM = 0x20030000, FLASH = 0x08020000, PAGE = 0x1000 };
enum { MARK = 7 };

// The condition holds in the IT block and no longer after it. What an access in it leaves of the
// ITSTATE would then skip the block that follows.
#define SURVIVES(instruction, address, value)                                        \
  ({                                                                                 \
    register uint32_t r0 __asm__("r0") = (address);                                  \
    register uint32_t r1 __asm__("r1") = (value);                                    \
    uint32_t after = 0;                                                              \
    __asm__ volatile("cmp r0, r0\n\tittt eq\n\t" instruction                         \
                     "\n\tnopeq\n\tnopeq\n\tcmn r0, #1\n\tb 1f\n\t1: mov %[after], " \
                     "%[mark]\n\t"                                                   \
                     : [after] "+r"(after), "+r"(r1), "+r"(r0)                       \
                     : [mark] "I"(MARK)                                              \
                     : "r2", "r3", "cc", "memory");                                  \
    after;                                                                           \
  })

static volatile uint32_t frame[8], lr_at_fault;
static volatile uint32_t resume_at;

__attribute__((used)) static void save_frame(uint32_t *stack) {
  for (int i = 0; i < 8; i++) frame[i] = stack[i];
  stack[6] = resume_at;
  stack[7] &= ~0x0600fc00u;
}

__attribute__((naked)) void bus_fault_handler(void) {
  __asm__ volatile("mov r0, sp\n\tb save_frame");
}

__attribute__((naked)) void usage_fault_handler(void) {
  __asm__ volatile("mov r0, sp\n\tb save_frame");
}

// Runs an IT block whose second instruction faults, and then goes on after it. Gives how far the
// fault is into the block; the registers at the fault are in `frame`.
#define FAULTS(instruction, address, scratch)                                      \
  ({                                                                               \
    register uint32_t r0 __asm__("r0") = (address);                                \
    register volatile uint32_t *r3 __asm__("r3") = (scratch);                      \
    uint32_t begin;                                                                \
    __asm__ volatile(                                                              \
        "adr r1, 2f\n\torr r1, #1\n\tstr r1, [%[resume]]\n\tadr %[begin], 1f\n\t"  \
        "movs r1, #10\n\tmovs r2, #0\n\tcmp r0, r0\n\t"                            \
        ".balign 4\n\t1: itttt eq\n\taddeq r1, #1\n\t" instruction                 \
        "\n\taddeq r1, #1\n\tstreq r1, [r3]\n\tadd r1, #1\n\tstr r1, [r3, #4]\n\t" \
        ".balign 4\n\t2:\n\t"                                                      \
        : [begin] "=&r"(begin), "+r"(r0), "+r"(r3)                                 \
        : [resume] "r"(&resume_at)                                                 \
        : "r1", "r2", "r12", "lr", "cc", "memory");                                \
    frame[6] - begin;                                                              \
  })

static void fill_results(uint32_t first, uint32_t distance, volatile uint32_t *scratch) {
  results[first] = distance;
  results[first + 1] = frame[7] & 0x0600fc00;
  results[first + 2] = frame[1];                 // r1: the instructions executed before
  results[first + 3] = scratch[0] | scratch[1];  // stores after the fault
}

static volatile uint32_t scratch[2];

void test(void) {
  REG(RCC_AHB1ENR) |= 1;                   // GPIOA
  REG(0xE000ED24) |= 1u << 17 | 1u << 18;  // SHCSR: BusFault, UsageFault
  results[0] = SURVIVES("ldreq r2, [r0]", FRESH_RAM, 0);
  results[1] = SURVIVES("streq r1, [r0]", FRESH_RAM + PAGE, 5);
  results[2] = SURVIVES("ldmeq r0, {r2, r3}", FRESH_RAM + 2 * PAGE, 0);
  results[3] = SURVIVES("stmeq r0, {r1, r2}", FRESH_RAM + 3 * PAGE, 0);
  results[4] = SURVIVES("ldreq r2, [r0]", FLASH, 0);
  results[5] = SURVIVES("ldreq r2, [r0]", RCC_CR, 0);
  results[6] = SURVIVES("ldreq r2, [r0]", RCC_CR, 0);
  results[7] = SURVIVES("streq r1, [r0]", GPIOA_ODR, 3);
  results[8] = SURVIVES("streq r1, [r0]", GPIOA_ODR, 5);
  results[9] = REG(GPIOA_ODR);
  // Twice: the entry of the page is there the second time.
  fill_results(10, FAULTS("ldreq r2, [r0]", GAP, scratch), scratch);
  fill_results(14, FAULTS("streq r1, [r0]", GAP, scratch), scratch);
  fill_results(18, FAULTS("streq r1, [r0]", GAP, scratch), scratch);
  fill_results(22, FAULTS("ldrdeq r2, r3, [r0]", FRESH_RAM + 2, scratch), scratch);
  REG(0xE000ED14) |= 1 << 4;  // CCR.DIV_0_TRP
  barrier();
  fill_results(26, FAULTS("udiveq r1, r1, r2", 0, scratch), scratch);
}
