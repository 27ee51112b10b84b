// Any fault ends the run: what the core knows about it is sent to the host.
#include <string.h>

#include "crash.h"
#include "registers.h"

extern uint32_t __stack_start[], __stack_end[];

enum { EXC_RETURN_PSP = 1 << 2, FRAME_BYTES = 8 * 4 };

// Frame as the core pushed it (ARM B1.5.6).
struct exception_frame {
  uint32_t r0, r1, r2, r3, r12, lr, pc, xpsr;
};

// The stack itself may be what went wrong (an overflow leaves RAM), so the report has its own.
__attribute__((naked, used)) void fault_handler(void) {
  __asm__ volatile(
      "mov r0, lr\n\t"
      "mrs r1, msp\n\t"
      "mrs r2, psp\n\t"
      "ldr r3, =__fault_stack_end\n\t"
      "mov sp, r3\n\t"
      "b report_fault\n\t"
      ".ltorg");
}

static int in_stack(uint32_t frame) {
  return frame >= (uint32_t)(uintptr_t)__stack_start && frame % 4 == 0 &&
         frame <= (uint32_t)(uintptr_t)__stack_end - FRAME_BYTES;
}

__attribute__((used, noreturn)) void report_fault(uint32_t exc_return, uint32_t msp, uint32_t psp) {
  uint32_t ipsr;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  const uint32_t frame_address = exc_return & EXC_RETURN_PSP ? psp : msp;
  HilCrash crash;
  memset(&crash, 0, sizeof crash);
  crash.kind = ipsr & 0x1FFu;
  crash.sp = frame_address;
  crash.exc_return = exc_return;
  crash.cfsr = SCB_CFSR;
  crash.hfsr = SCB_HFSR;
  crash.mmfar = SCB_MMFAR;
  crash.bfar = SCB_BFAR;
  if (in_stack(frame_address)) {
    const struct exception_frame *frame = (const struct exception_frame *)(uintptr_t)frame_address;
    crash.frame_valid = 1;
    crash.r0 = frame->r0;
    crash.r1 = frame->r1;
    crash.r2 = frame->r2;
    crash.r3 = frame->r3;
    crash.r12 = frame->r12;
    crash.lr = frame->lr;
    crash.pc = frame->pc;
    crash.xpsr = frame->xpsr;
  }
  hil_crash(&crash);
}
