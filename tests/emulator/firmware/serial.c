// Echoes bytes with their lowest bit flipped. OMIT leaves one step of the set-up out.
#include "runtime.h"

enum { NOTHING, USART_CLOCK, GPIO_CLOCK, TX_PIN, RX_PIN, UE, TE, RE, BAUD, WRONG_FUNCTION };

#define RCC 0x40023800
#define GPIOA 0x40020000
#define GPIOB 0x40020400
#define USART1 0x40011000

static uint32_t unless(int step, uint32_t value) {
  return OMIT == step ? 0 : value;
}

static void set_up(void) {
  REG(RCC + 0x30) |= unless(GPIO_CLOCK, 3);
  REG(RCC + 0x44) |= unless(USART_CLOCK, 1u << 4);
  if (OMIT != TX_PIN) REG(GPIOA) = (REG(GPIOA) & ~(3u << 18)) | 2u << 18;  // PA9
  if (OMIT != RX_PIN) REG(GPIOB) = (REG(GPIOB) & ~(3u << 14)) | 2u << 14;  // PB7
  REG(GPIOA + 0x24) = (OMIT == WRONG_FUNCTION ? 8u : 7u) << 4;
  REG(GPIOB + 0x20) = 7u << 28;
  REG(USART1 + 0x0c) = OMIT == BAUD ? 132 : 139;  // 16 MHz / 139: 115,108 baud
  REG(USART1) = unless(UE, 1) | unless(RE, 1u << 2) | unless(TE, 1u << 3);
}

static void send(uint8_t byte) {
  while (!(REG(USART1 + 0x1c) & 1u << 7)) {
  }
  REG(USART1 + 0x28) = byte;
}

void test(void) {
  set_up();
  send('!');
  for (uint32_t count = 0;;) {
    const uint32_t status = REG(USART1 + 0x1c);
    if (status & 1u << 3) {  // ORE
      results[1]++;
      REG(USART1 + 0x20) = 1u << 3;
    }
    if (!(status & 1u << 5)) continue;
    const uint8_t byte = (uint8_t)REG(USART1 + 0x24);
    results[0] = ++count;
    if (byte == 'z') return;
#ifdef DAWDLE
    for (volatile int i = 0; i < 2000; i++) {
    }
#endif
    send(byte ^ 1);
  }
}
