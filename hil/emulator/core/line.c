// The wire: bytes between the firmware's USART and a pseudo-terminal or socket of the host.
//
// Unpaced, bytes move as fast as both sides take them and none is lost to speed. Paced, each takes
// ten bit times of the firmware's baud rate, in the board's own time, and one receive register is
// all there is. Either way bytes are garbage when both ends disagree on the baud rate.
#include <asm/termbits.h>
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "board.h"

enum {
  BITS_PER_BYTE = 10,
  TOLERANCE_PERCENT = 2,
  ISR_FE = 1 << 1,
  ISR_ORE = 1 << 3,
  // Polls in a row without data after which pending output is written out, and after which the
  // firmware is taken to be waiting. Closer than POLL_GAP instructions, they are one loop.
  POLLS_TO_FLUSH = 32,
  POLLS_TO_SLEEP = 256,
  POLL_GAP = 200,
  POLLS_PER_READ = 16,
  SLEEP_MS = 20,
  FULL_WAIT_MS = 20,
  // Firmware that sends and never looks at its USART again, as after a crash, is heard all the
  // same.
  INSTRUCTIONS_TO_FLUSH = 20000,
};

void line_reset(Board *board) {
  Line *line = &board->line;
  line->in_head = line->in_tail = line->out_count = 0;
  line->quiet_polls = 0;
  line->in_ready = line->out_ready = 0;
  if (!line->random) line->random = board->control.line_seed | 1;
}

void board_wire_line(Board *board, const LineWiring *wiring) {
  Line *line = &board->line;
  line->usart = wiring->usart;
  line->tx_port = wiring->tx_port;
  line->tx_pin = wiring->tx_pin;
  line->tx_function = wiring->tx_function;
  line->rx_port = wiring->rx_port;
  line->rx_pin = wiring->rx_pin;
  line->rx_function = wiring->rx_function;
}

static uint32_t next_random(Line *line) {  // xorshift32
  line->random ^= line->random << 13;
  line->random ^= line->random >> 17;
  line->random ^= line->random << 5;
  return line->random;
}

static bool happens(Line *line, uint32_t ppm) {
  return ppm && next_random(line) % 1000000 < ppm;
}

// The rate the host's end is set to; 0 for a socket, which has none.
static uint32_t host_baud(const Board *board) {
  struct termios2 settings;
  if (ioctl(board->control.line_fd, TCGETS2, &settings)) return 0;
  return settings.c_ospeed;
}

static bool rates_agree(Board *board) {
  const uint64_t host = host_baud(board), device = usart_baud(board, board->line.usart);
  const uint64_t gap = host > device ? host - device : device - host;
  return !host || gap * 100 <= host * TOLERANCE_PERCENT;
}

static uint64_t byte_cycles(Board *board) {
  const uint32_t baud = usart_baud(board, board->line.usart);
  return baud ? (uint64_t)BITS_PER_BYTE * board->control.core_clock_hz / baud : 0;
}

static bool is_empty(const Line *line) {
  return line->in_head == line->in_tail;
}

static void read_host(Board *board) {
  Line *line = &board->line;
  if (!is_empty(line) || board->control.line_fd < 0) return;
  const ssize_t count = read(board->control.line_fd, line->in, sizeof line->in);
  line->in_head = 0;
  line->in_tail = count > 0 ? (uint32_t)count : 0;
  if (count <= 0) return;
  const uint64_t first = cycles_now(board) + byte_cycles(board);
  if (line->in_ready < first) line->in_ready = first;
  if (rates_agree(board)) return;
  for (uint32_t i = 0; i < line->in_tail; i++) line->in[i] = (uint8_t)next_random(line);
  board->usarts[line->usart].error_flags |= ISR_FE;
}

static bool has_arrived(Board *board) {
  return !is_empty(&board->line) &&
         (!board->control.line_paced || cycles_now(board) >= board->line.in_ready);
}

static uint8_t take(Board *board) {
  Line *line = &board->line;
  uint8_t byte = line->in[line->in_head++];
  line->in_ready += byte_cycles(board);
  if (happens(line, board->control.line_flip_ppm)) {
    byte ^= (uint8_t)(1u << (next_random(line) & 7));
    board->control.received_flipped++;
  }
  return byte;
}

// Moves bytes that have arrived into the receive register of the line's USART.
void line_receive(Board *board) {
  Line *line = &board->line;
  Usart *usart = &board->usarts[line->usart];
  if (is_empty(line) && line->quiet_polls % POLLS_PER_READ == 0) read_host(board);
  while (has_arrived(board) && (!usart->full || board->control.line_paced)) {
    const uint8_t byte = take(board);
    if (happens(line, board->control.line_drop_ppm)) {
      board->control.received_lost++;
    } else if (usart->full) {
      usart->error_flags |= ISR_ORE;
      board->control.received_lost++;
    } else {
      usart->received = byte;
      usart->full = true;
      usart->polls = 0;
      board->control.received_bytes++;
    }
  }
}

void line_discard(Board *board) {
  do {
    board->control.received_lost += board->line.in_tail - board->line.in_head;
    board->line.in_head = board->line.in_tail;
    read_host(board);
  } while (!is_empty(&board->line));
}

bool line_can_send(Board *board) {
  return !board->control.line_paced || cycles_now(board) >= board->line.out_ready;
}

void line_send(Board *board, uint8_t byte) {
  Line *line = &board->line;
  const uint64_t now = cycles_now(board);
  line->out_ready = (line->out_ready > now ? line->out_ready : now) + byte_cycles(board);
  line->quiet_polls = 0;
  board->control.sent_bytes++;
  if (happens(line, board->control.line_drop_ppm)) {
    board->control.sent_lost++;
    return;
  }
  if (happens(line, board->control.line_flip_ppm)) {
    byte ^= (uint8_t)(1u << (next_random(line) & 7));
    board->control.sent_flipped++;
  }
  line->out[line->out_count++] = byte;
  line->flush_at = board->control.instructions + INSTRUCTIONS_TO_FLUSH;
  look_up_now(board);
  if (line->out_count == sizeof line->out) line_flush(board);
}

// Waits until the host takes more; false when it has hung up or the board must look up.
static bool wait_for_room(Board *board) {
  struct pollfd fds[2] = {{board->control.line_fd, POLLOUT, 0},
                          {board->control.wake_fd, POLLIN, 0}};
  while (!board->control.halt_request) {
    const int ready = poll(fds, 2, FULL_WAIT_MS);
    if (ready < 0 && errno != EINTR) return false;
    if (fds[0].revents & (POLLHUP | POLLERR)) return false;
    if (fds[0].revents & POLLOUT) return true;
  }
  return false;
}

// Hands pending output to the host. With the port closed it is lost, as with a real one.
void line_flush(Board *board) {
  Line *line = &board->line;
  if (line->out_count && !rates_agree(board))
    for (uint32_t i = 0; i < line->out_count; i++) line->out[i] = (uint8_t)next_random(line);
  uint32_t done = 0;
  while (done < line->out_count && board->control.line_fd >= 0) {
    const ssize_t count = write(board->control.line_fd, line->out + done, line->out_count - done);
    if (count > 0)
      done += (uint32_t)count;
    else if (errno != EAGAIN || !wait_for_room(board))
      break;
  }
  board->control.sent_unread += line->out_count - done;
  line->out_count = 0;
}

// On a line with a speed: on to when the next byte has come or the last one has gone, whichever is
// first. False when neither is awaited.
static bool skip_to_next_byte(Board *board) {
  const Line *line = &board->line;
  const bool receives = !is_empty(line), sends = !line_can_send(board);
  if (!receives && !sends) return false;
  const bool sent_first = sends && (!receives || line->out_ready < line->in_ready);
  board_skip_to(board, sent_first ? line->out_ready : line->in_ready);
  return true;
}

// Firmware read the status register. When it does so again and again and nothing comes of it, it is
// waiting, and the board sleeps instead of burning the host's time.
void line_polled(Board *board, bool useful) {
  Line *line = &board->line;
  const uint64_t gap = board->control.instructions - line->last_poll;
  line->last_poll = board->control.instructions;
  if (useful || gap >= POLL_GAP || board->stepping) {
    line->quiet_polls = 0;
    return;
  }
  if (board->control.line_paced && skip_to_next_byte(board)) return;
  if (++line->quiet_polls == POLLS_TO_FLUSH) line_flush(board);
  if (line->quiet_polls <= POLLS_TO_SLEEP) return;
  board_sleep(board, SLEEP_MS);
  read_host(board);
}
