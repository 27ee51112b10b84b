// USARTs of the STM32F7 (RM 31), polled. One of them is soldered to the line.
#include "board.h"

enum {
  CR1 = 0x00,
  CR2 = 0x04,
  CR3 = 0x08,
  BRR = 0x0c,
  RQR = 0x18,
  ISR = 0x1c,
  ICR = 0x20,
  RDR = 0x24,
  TDR = 0x28,
};
enum {
  CR1_UE = 1 << 0,
  CR1_RE = 1 << 2,
  CR1_TE = 1 << 3,
  CR1_OVER8 = 1 << 15,
  ISR_FE = 1 << 1,
  ISR_ORE = 1 << 3,
  ISR_RXNE = 1 << 5,
  ISR_TC = 1 << 6,
  ISR_TXE = 1 << 7,
  ISR_TEACK = 1 << 21,
  ISR_REACK = 1 << 22,
  RQR_RXFRQ = 1 << 3,
};
// Firmware that has seen a byte so often and not fetched it waits for the transmitter.
enum { POLLS_TO_FETCH = 8 };
enum { GPIO_MODER = 0x00, GPIO_AFRL = 0x20, GPIO_MODE_ALTERNATE = 2 };

void usart_reset(Board *board) {
  for (int i = 0; i < MAX_USARTS; i++) board->usarts[i] = (Usart){0};
}

static bool pin_is(Board *board, uint32_t port, uint32_t pin, uint32_t function) {
  const uint32_t base = board->chip.gpio_base + port * board->chip.gpio_stride;
  const uint32_t mode = stored_value(board, base + GPIO_MODER) >> (2 * pin) & 3;
  const uint32_t af =
      stored_value(board, base + GPIO_AFRL + 4 * (pin / 8)) >> (4 * (pin % 8)) & 0xf;
  return mode == GPIO_MODE_ALTERNATE && af == function;
}

bool usart_receives(Board *board, uint32_t slot) {
  const uint32_t cr1 = board->usarts[slot].cr1;
  return cr1 & CR1_UE && cr1 & CR1_RE && slot == board->line.usart &&
         pin_is(board, board->line.rx_port, board->line.rx_pin, board->line.rx_function);
}

static bool sends(Board *board, uint32_t slot) {
  return slot == board->line.usart &&
         pin_is(board, board->line.tx_port, board->line.tx_pin, board->line.tx_function);
}

// Baud rate the registers give (RM 31.5.4); 0 while there is none.
uint32_t usart_baud(Board *board, uint32_t slot) {
  const Usart *usart = &board->usarts[slot];
  const uint32_t clock = usart_clock_hz(board, slot);
  const bool over8 = usart->cr1 & CR1_OVER8;
  const uint32_t divider = over8 ? (usart->brr & 0xfff0) | (usart->brr & 7) << 1 : usart->brr;
  if (!divider) return 0;
  return (uint32_t)((over8 ? 2ull : 1ull) * clock / divider);
}

static uint32_t status(Board *board, uint32_t slot) {
  Usart *usart = &board->usarts[slot];
  const bool transmitter = usart->cr1 & CR1_UE && usart->cr1 & CR1_TE;
  const bool receiver = usart_receives(board, slot);
  if (receiver) line_receive(board);
  bool ready = !transmitter || slot != board->line.usart || line_can_send(board);
  if (slot == board->line.usart) {
    line_polled(board, usart->full && (ready || usart->polls++ < POLLS_TO_FETCH));
    if (receiver) line_receive(board);
    ready = ready || line_can_send(board);
  }
  return usart->error_flags | (usart->full ? ISR_RXNE : 0) | (ready ? ISR_TXE | ISR_TC : 0) |
         (transmitter ? ISR_TEACK : 0) | (usart->cr1 & CR1_RE ? ISR_REACK : 0);
}

uint32_t usart_read(Board *board, uint32_t slot, uint32_t offset) {
  Usart *usart = &board->usarts[slot];
  switch (offset) {
    case CR1:
      return usart->cr1;
    case CR2:
      return usart->cr2;
    case CR3:
      return usart->cr3;
    case BRR:
      return usart->brr;
    case ISR:
      return status(board, slot);
    case RDR:
      usart->full = false;
      usart->polls = 0;
      return usart->received;
    default:
      return 0;
  }
}

static void write_cr1(Board *board, uint32_t slot, uint32_t value) {
  const bool received = usart_receives(board, slot);
  board->usarts[slot].cr1 = value;
  // What was on the wire before the receiver was on is gone.
  if (!received && usart_receives(board, slot)) line_discard(board);
}

void usart_write(Board *board, uint32_t slot, uint32_t offset, uint32_t value) {
  Usart *usart = &board->usarts[slot];
  switch (offset) {
    case CR1:
      write_cr1(board, slot, value);
      break;
    case CR2:
      usart->cr2 = value;
      break;
    case CR3:
      usart->cr3 = value;
      break;
    case BRR:
      if (!(usart->cr1 & CR1_UE)) usart->brr = value & 0xffff;
      break;
    case RQR:
      if (value & RQR_RXFRQ) usart->full = false;
      break;
    case ICR:
      usart->error_flags &= ~(value & (ISR_ORE | ISR_FE));
      break;
    case TDR:
      usart->polls = 0;
      if (usart->cr1 & CR1_UE && usart->cr1 & CR1_TE && sends(board, slot))
        line_send(board, (uint8_t)value);
      break;
  }
}
