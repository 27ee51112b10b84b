#include "runtime.h"

extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern uint32_t __stack_end[];

volatile uint32_t results[32];

#ifdef SEMIHOSTING
// On QEMU, which has no debugger here to read the results: each as a line of hexadecimal digits.
static void semihost(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void end(void) {
  enum { SYS_WRITE0 = 0x04, SYS_EXIT = 0x18, APPLICATION_EXIT = 0x20026 };
  for (int i = 0; i < 32; i++) {
    char line[10];
    for (int digit = 0; digit < 8; digit++)
      line[digit] = "0123456789abcdef"[results[i] >> (28 - 4 * digit) & 0xf];
    line[8] = '\n';
    line[9] = 0;
    semihost(SYS_WRITE0, line);
  }
  semihost(SYS_EXIT, (const void *)APPLICATION_EXIT);
  for (;;) {
  }
}
#else
void end(void) {
  for (;;) __asm__ volatile("bkpt 0");
}
#endif

static void unexpected(void) {
  uint32_t ipsr;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  results[31] = ipsr;
  end();
}

#define DEFAULT __attribute__((weak, alias("unexpected")))
DEFAULT void nmi_handler(void);
DEFAULT void hard_fault_handler(void);
DEFAULT void mem_manage_handler(void);
DEFAULT void bus_fault_handler(void);
DEFAULT void usage_fault_handler(void);
DEFAULT void svc_handler(void);
DEFAULT void pendsv_handler(void);
DEFAULT void systick_handler(void);
DEFAULT void irq0_handler(void);
DEFAULT void irq1_handler(void);

void reset_handler(void) {
  const uint32_t *from = __data_load;
  for (uint32_t *to = __data_start; to < __data_end; to++) *to = *from++;
  for (uint32_t *to = __bss_start; to < __bss_end; to++) *to = 0;
  REG(0xE000ED08) = 0x08000000;  // VTOR
  test();
  end();
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {
    __stack_end,
    reset_handler,
    nmi_handler,
    hard_fault_handler,
    mem_manage_handler,
    bus_fault_handler,
    usage_fault_handler,
    0,
    0,
    0,
    0,
    svc_handler,
    unexpected,
    0,
    pendsv_handler,
    systick_handler,
    irq0_handler,
    irq1_handler,
};
