// Passing the time while firmware waits: the cycle count advances by the host time slept.
#include <poll.h>
#include <time.h>

#include "board.h"

enum {
  NS_PER_MS = 1000000,
  HUNG_UP_WAIT_MS = 5,
  MAX_LEAD_NS = 2 * NS_PER_MS,  // how far board time may run ahead of host time when paced
};

uint64_t nanoseconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t cycles_of_ns(const Board *board, uint64_t ns) {
  return ns * (board->control.core_clock_hz / 1000u) / 1000000u;
}

// Milliseconds until SysTick is due, at most `max_ms`.
static int milliseconds_left(const Board *board, int max_ms) {
  const uint32_t cycles_per_ms = board->control.core_clock_hz / 1000;
  if (board->next_event == UINT64_MAX || !cycles_per_ms) return max_ms;
  const uint64_t now = board->control.instructions;
  const uint64_t left = board->next_event > now ? board->next_event - now : 0;
  const uint64_t ms = left / cycles_per_ms;
  return ms<1 ? 1 : ms>(uint64_t) max_ms ? max_ms : (int)ms;
}

// Sleeps until the host sends something, wakes the board, or `max_ms` have passed.
void board_sleep(Board *board, int max_ms) {
  const uint64_t start = nanoseconds_now();
  struct pollfd fds[2] = {{board->control.wake_fd, POLLIN, 0}, {board->control.line_fd, POLLIN, 0}};
  const int wait_ms = milliseconds_left(board, max_ms);
  line_flush(board);
  poll(fds, 2, wait_ms);
  // A pseudo-terminal that nobody has open reports so at once; only the wake-up counts then.
  if (fds[1].revents & (POLLHUP | POLLERR) && !(fds[1].revents & POLLIN))
    poll(fds, 1, wait_ms < HUNG_UP_WAIT_MS ? wait_ms : HUNG_UP_WAIT_MS);
  const uint64_t slept = nanoseconds_now() - start;
  board->control.slept_ns += slept;
  board->control.idle_cycles += cycles_of_ns(board, slept);
  systick_advance(board);
}

// Lets board time jump to `cycle`, and sleeps when it has run ahead of the host's.
void board_skip_to(Board *board, uint64_t cycle) {
  const uint64_t now = cycles_now(board);
  if (cycle > now) board->control.idle_cycles += cycle - now;
  systick_advance(board);
  Line *line = &board->line;
  const uint64_t host = nanoseconds_now();
  const uint64_t passed = cycles_now(board) - line->pace_cycles;
  const uint64_t cycles_per_us = board->control.core_clock_hz / 1000000u;
  const uint64_t board_ns = cycles_per_us ? passed * 1000u / cycles_per_us : 0;
  const uint64_t host_ns = host - line->pace_ns;
  if (host_ns > board_ns + MAX_LEAD_NS || !line->pace_ns) {
    line->pace_cycles = cycles_now(board);  // the board was busy or idle: start anew
    line->pace_ns = host;
  } else if (board_ns > host_ns + MAX_LEAD_NS) {
    const uint64_t lead = board_ns - host_ns;
    const struct timespec pause = {(time_t)(lead / 1000000000u), (long)(lead % 1000000000u)};
    nanosleep(&pause, NULL);
    board->control.slept_ns += lead;
  }
}
