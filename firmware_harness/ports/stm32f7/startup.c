// Reset handler and vector table.
#include <stdint.h>

#include "port.h"
#include "registers.h"

extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern uint32_t __stack_start[], __stack_end[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

int main(void);
void fault_handler(void);
void reset_handler(void);

typedef void (*Vector)(void);

__attribute__((section(".vectors"), used)) static const Vector vectors[] = {
    (Vector)(uintptr_t)__stack_end,
    reset_handler,
    fault_handler,  // NMI
    fault_handler,  // HardFault
    fault_handler,  // MemManage
    fault_handler,  // BusFault
    fault_handler,  // UsageFault
};

// Runs before the data section exists, so it keeps to registers and linker symbols.
void reset_handler(void) {
  SCB_VTOR = (uint32_t)(uintptr_t)vectors;
  SCB_CPACR |= SCB_CPACR_FPU;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  const uint32_t *from = __data_load;
  for (uint32_t *to = __data_start; to < __data_end; to++) *to = *from++;
  for (uint32_t *to = __bss_start; to < __bss_end; to++) *to = 0;
  for (void (**init)(void) = __init_array_start; init < __init_array_end; init++) (*init)();
  main();
  for (;;) {
  }
}

port_stack port_stack_memory(void) {
  const port_stack stack = {__stack_start, __stack_end};
  return stack;
}
