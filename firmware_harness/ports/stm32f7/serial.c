// A USART, polled: no interrupt can reach into a measurement.
#include "port.h"
#include "registers.h"
#include "target_config.h"

// Base address and clock enable bit of each instance (RM 2.2.2, 5.3.13, 5.3.14); true: on APB2.
struct instance {
  uint32_t base, enable_bit;
  int on_apb2;
};

static const struct instance instances[] = {
    [1] = {0x40011000u, 4, 1},  [2] = {0x40004400u, 17, 0}, [3] = {0x40004800u, 18, 0},
    [4] = {0x40004C00u, 19, 0}, [5] = {0x40005000u, 20, 0}, [6] = {0x40011400u, 5, 1},
    [7] = {0x40007800u, 30, 0}, [8] = {0x40007C00u, 31, 0},
};

#define SERIAL (instances[HIL_SERIAL_INSTANCE])

enum { MODE_ALTERNATE = 2, SPEED_HIGH = 2, PULL_UP = 1 };

static void connect_pin(uint32_t port, uint32_t pin, uint32_t function) {
  RCC_AHB1ENR |= 1u << port;
  (void)RCC_AHB1ENR;
  GPIO_AFR(port, pin) = (GPIO_AFR(port, pin) & ~(0xFu << 4 * (pin % 8))) | function
                                                                               << 4 * (pin % 8);
  GPIO_OSPEEDR(port) = (GPIO_OSPEEDR(port) & ~(3u << 2 * pin)) | (uint32_t)SPEED_HIGH << 2 * pin;
  GPIO_PUPDR(port) = (GPIO_PUPDR(port) & ~(3u << 2 * pin)) | (uint32_t)PULL_UP << 2 * pin;
  GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << 2 * pin)) | (uint32_t)MODE_ALTERNATE << 2 * pin;
}

void port_serial_init(void) {
  if (SERIAL.on_apb2) {
    RCC_APB2ENR |= 1u << SERIAL.enable_bit;
    (void)RCC_APB2ENR;
  } else {
    RCC_APB1ENR |= 1u << SERIAL.enable_bit;
    (void)RCC_APB1ENR;
  }
  connect_pin(HIL_SERIAL_TX_PORT, HIL_SERIAL_TX_PIN, HIL_SERIAL_ALTERNATE_FUNCTION);
  connect_pin(HIL_SERIAL_RX_PORT, HIL_SERIAL_RX_PIN, HIL_SERIAL_ALTERNATE_FUNCTION);
  const uint32_t divider = SERIAL.on_apb2 ? HIL_CLOCK_APB2_DIVIDER : HIL_CLOCK_APB1_DIVIDER;
  const uint32_t clock_hz = port_core_clock_hz() / divider;
  USART_BRR(SERIAL.base) = (clock_hz + HIL_SERIAL_BAUD / 2) / HIL_SERIAL_BAUD;
  USART_CR1(SERIAL.base) = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
}

int port_serial_read(void) {
  const uint32_t status = USART_ISR(SERIAL.base);
  // A lost byte shows as a damaged frame; left set, the flag would block reception for good.
  if (status & USART_ICR_ERRORS) USART_ICR(SERIAL.base) = USART_ICR_ERRORS;
  return status & USART_ISR_RXNE ? (int)(USART_RDR(SERIAL.base) & 0xFFu) : -1;
}

void port_serial_write(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while (!(USART_ISR(SERIAL.base) & USART_ISR_TXE)) {
    }
    USART_TDR(SERIAL.base) = bytes[i];
  }
}
