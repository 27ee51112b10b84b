// Counts how often each block of code is executed, in segments that begin at marked addresses, as
// an external trace unit (ETM) and the tool behind it would.
//
// A block that is left early counts as the part of it that was executed, so the instructions of all
// blocks add up to control.instructions. A trace that is not running costs nothing: it has a block
// hook of its own, which takes the place of the usual one.
#include <stdlib.h>

#include "board.h"

enum { MARK_SLOTS = 4 * MAX_TRACE_MARKS, NO_MARK = 1 };  // no instruction is at an odd address

struct Trace {
  TracedBlock *slots;  // open addressing; size 0: empty
  uint32_t mask;
  uint32_t *segment_marks;
  uint32_t marks[MARK_SLOTS];
  uint64_t instructions_before;
  TracedBlock *current;  // the block being executed, already counted
  TraceResult result;
  bool running;
};

static uint32_t *mark_slot(Trace *trace, uint32_t address) {
  uint32_t i = address >> 1 & (MARK_SLOTS - 1);
  while (trace->marks[i] != NO_MARK && trace->marks[i] != address) i = (i + 1) & (MARK_SLOTS - 1);
  return &trace->marks[i];
}

static bool is_mark(Trace *trace, uint32_t address) {
  return *mark_slot(trace, address) == address;
}

static TracedBlock *slot_of(Trace *trace, uint32_t address, uint32_t size) {
  const uint32_t segment = trace->result.segments - 1;
  uint32_t i = ((address >> 1) + segment * 0x9e3779b1u) & trace->mask;
  while (trace->slots[i].size &&
         (trace->slots[i].address != address || trace->slots[i].size != size ||
          trace->slots[i].segment != segment))
    i = (i + 1) & trace->mask;
  return &trace->slots[i];
}

// The block's entry in the current segment; NULL once there are more than were asked for.
static TracedBlock *entry_of(Trace *trace, uint32_t address, uint32_t size, uint32_t instructions) {
  TracedBlock *entry = slot_of(trace, address, size);
  if (entry->size) return entry;
  TraceResult *result = &trace->result;
  if (result->blocks == result->max_blocks) {
    result->overflowed = 1;
    return NULL;
  }
  result->blocks++;
  *entry = (TracedBlock){address, size, result->segments - 1, instructions, 0};
  return entry;
}

static void count(Trace *trace, uint32_t address, uint32_t size, uint32_t instructions) {
  trace->current = NULL;
  if (trace->result.overflowed) return;
  // Each segment holds its mark's block, so there are never more of them than blocks.
  if (is_mark(trace, address)) trace->segment_marks[trace->result.segments++] = address;
  trace->current = entry_of(trace, address, size, instructions);
  if (trace->current) trace->current->executions++;
}

static void on_traced_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
  Board *board = user;
  on_block(uc, address, size, user);
  if (board->current && !board->stepping)
    count(board->trace, (uint32_t)address, size, board->current->instructions);
}

// An instruction, or an IT block, that was executed on its own.
void trace_step(Board *board, uint32_t pc, uint32_t size, uint32_t instructions) {
  if (!board->trace || !board->trace->running || !instructions) return;
  count(board->trace, pc, size, instructions);
}

// Execution left the current block before `pc`, if that is within it.
void trace_cut(Board *board, uint32_t pc) {
  Trace *trace = board->trace;
  if (!trace || !trace->running || !trace->current || !board->current) return;
  TracedBlock *left = trace->current;
  trace->current = NULL;
  const uint32_t size = pc - left->address;
  if (size >= left->size) return;
  left->executions--;
  if (size) {
    const uint32_t rest = block_remaining(board, pc);
    TracedBlock *part = entry_of(trace, left->address, size, left->instructions - rest);
    if (part) part->executions++;
  } else if (is_mark(trace, pc)) {
    trace->result.segments--;  // not begun yet
  }
}

static bool use_hook(Board *board, void *hook) {
  board->api.hook_del(board->uc, board->block_hook);
  translations_flush(board);
  return !board->api.hook_add(board->uc, &board->block_hook, UC_HOOK_BLOCK, hook, board, 1, 0);
}

void trace_free(Board *board) {
  if (!board->trace) return;
  free(board->trace->slots);
  free(board->trace->segment_marks);
  free(board->trace);
  board->trace = NULL;
}

static Trace *new_trace(uint32_t max_blocks) {
  uint32_t slots = 2;
  while (slots < 2 * max_blocks) slots *= 2;
  Trace *trace = calloc(1, sizeof *trace);
  if (!trace) return NULL;
  trace->slots = calloc(slots, sizeof *trace->slots);
  trace->segment_marks = calloc(max_blocks + 2ul, sizeof *trace->segment_marks);
  trace->mask = slots - 1;
  for (uint32_t i = 0; i < MARK_SLOTS; i++) trace->marks[i] = NO_MARK;
  // Segment 0, which no mark begins.
  trace->result = (TraceResult){.segments = 1, .max_blocks = max_blocks};
  return trace;
}

int board_trace_start(Board *board, const uint32_t *marks, uint32_t count, uint32_t max_blocks) {
  if (count > MAX_TRACE_MARKS || max_blocks > MAX_TRACED_BLOCKS) return NEVER;
  trace_free(board);
  Trace *trace = board->trace = new_trace(max_blocks);
  if (!trace || !trace->slots || !trace->segment_marks) {
    trace_free(board);
    return NEVER;
  }
  for (uint32_t i = 0; i < count; i++) *mark_slot(trace, marks[i] & ~1u) = marks[i] & ~1u;
  trace->instructions_before = board->control.instructions;
  trace->running = use_hook(board, (void *)on_traced_block);
  return trace->running ? UC_ERR_OK : NEVER;
}

const TraceResult *board_trace_stop(Board *board) {
  Trace *trace = board->trace;
  if (!trace || !trace->running) return NULL;
  trace->running = false;
  if (!use_hook(board, (void *)on_block)) return NULL;
  TraceResult *result = &trace->result;
  result->instructions = board->control.instructions - trace->instructions_before;
  result->blocks = 0;
  for (uint32_t i = 0; i <= trace->mask; i++)
    if (trace->slots[i].executions) trace->slots[result->blocks++] = trace->slots[i];
  result->traced_blocks = trace->slots;
  result->segment_marks = trace->segment_marks;
  return result;
}
