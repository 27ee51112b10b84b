#include "runner.h"

#include <string.h>

#include "crc32.h"
#include "engine.h"
#include "log.h"
#include "memory.h"
#include "port.h"
#include "sanity.h"

namespace hil {

void Runner::Announce() {
  const HilBoot boot = {port_reset_cause()};
  SendFrame(HIL_MESSAGE_BOOT, 0, &boot, sizeof boot);
}

void Runner::Push(uint8_t byte) {
  switch (request_.Push(byte)) {
    case FrameDecoder::Result::kNothing:
      break;
    case FrameDecoder::Result::kFrame:
      Answer();
      break;
    case FrameDecoder::Result::kBadFrame: {
      // Which request it was cannot be told; the kept reply stays as it is.
      const HilRejected rejected = {0, HIL_REJECT_BAD_FRAME};
      SendFrame(HIL_MESSAGE_REJECTED, 0, &rejected, sizeof rejected);
      break;
    }
  }
}

// A request that comes twice under one sequence number is answered again, not served again: its
// reply was lost on the line.
void Runner::Answer() {
  const bool again = request_.sequence() == reply_.sequence() && reply_.is_finished() &&
                     request_.type() != HIL_MESSAGE_HELLO;
  if (!again) {
    rejected_ = false;
    reply_.Start(request_.type() | 0x80, request_.sequence());
    const size_t size = Serve();
    if (rejected_) reply_.ChangeType(HIL_MESSAGE_REJECTED);
    reply_.Finish(size);
  }
  LogFlush();
  reply_.Send();
}

size_t Runner::Serve() {
  switch (request_.type()) {
    case HIL_MESSAGE_HELLO:
      return ServeHello();
    case HIL_MESSAGE_MODEL:
      return ServeModel();
    case HIL_MESSAGE_ALLOCATE:
      return ServeAllocate();
    case HIL_MESSAGE_TENSOR:
      return ServeTensor();
    case HIL_MESSAGE_WRITE:
      return ServeWrite();
    case HIL_MESSAGE_INFER:
      return ServeInfer();
    case HIL_MESSAGE_READ:
      return ServeRead();
    case HIL_MESSAGE_TRACE:
      return ServeTrace();
    case HIL_MESSAGE_MEMORY:
      return ServeMemory();
    case HIL_MESSAGE_SANITY:
      return ServeSanity();
    default:
      return Reject(HIL_REJECT_UNKNOWN_TYPE);
  }
}

size_t Runner::Reject(uint8_t reason) {
  rejected_ = true;
  const HilRejected rejected = {request_.type(), reason};
  memcpy(reply_.payload(), &rejected, sizeof rejected);
  return sizeof rejected;
}

template <typename Message>
const Message *Runner::Request(bool has_tail) const {
  const size_t size = request_.payload_size();
  const bool fits = has_tail ? size >= sizeof(Message) : size == sizeof(Message);
  return fits ? reinterpret_cast<const Message *>(request_.payload()) : nullptr;
}

size_t Runner::ServeHello() {
  const HilHello *hello = Request<HilHello>();
  if (hello == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  // A debugger that detaches after the reset switches the trace unit off, and CYCCNT with it.
  port_cycles_init();
  HilHelloReply reply = {};
  reply.protocol_major = HIL_PROTOCOL_MAJOR;
  reply.protocol_minor = HIL_PROTOCOL_MINOR;
  reply.nonce = hello->nonce;
  reply.core_clock_hz = port_core_clock_hz();
  reply.reset_cause = port_reset_cause();
  memcpy(reply.build_id, image_.build_id, sizeof reply.build_id);
  memcpy(reply.model_sha256, image_.model_sha256, sizeof reply.model_sha256);
  memcpy(reply.target, image_.target, sizeof reply.target);
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

size_t Runner::ServeModel() {
  if (request_.payload_size() != 0) return Reject(HIL_REJECT_BAD_SIZE);
  const ModelFacts facts = EngineModel();
  HilModelReply reply = {};
  reply.model_bytes = facts.model_bytes;
  reply.schema_version = facts.schema_version;
  reply.operators = facts.operators;
  reply.inputs = facts.inputs;
  reply.outputs = facts.outputs;
  reply.arena_capacity_bytes = EngineArenaCapacity();
  reply.arena_minimum_bytes = EngineArenaMinimum();
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

size_t Runner::ServeAllocate() {
  const HilAllocate *allocate = Request<HilAllocate>();
  if (allocate == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  HilAllocateReply reply = {};
  reply.arena_bytes = allocate->arena_bytes == 0 ? EngineArenaCapacity() : allocate->arena_bytes;
  arena_bytes_ = 0;
  if (reply.arena_bytes < EngineArenaMinimum()) {
    reply.status = HIL_ALLOCATE_ARENA_BELOW_MINIMUM;
  } else if (reply.arena_bytes > EngineArenaCapacity()) {
    reply.status = HIL_ALLOCATE_ARENA_ABOVE_CAPACITY;
  } else {
    ArenaUse use = {};
    reply.status = EngineAllocate(reply.arena_bytes, &use);
    reply.arena_used_bytes = use.used_bytes;
    reply.arena_head_bytes = use.head_bytes;
    reply.arena_tail_bytes = use.tail_bytes;
    if (reply.status == HIL_ALLOCATE_OK) arena_bytes_ = reply.arena_bytes;
  }
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

size_t Runner::ServeTensor() {
  const HilTensor *tensor = Request<HilTensor>();
  if (tensor == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  if (arena_bytes_ == 0) return Reject(HIL_REJECT_NOT_ALLOCATED);
  TensorFacts facts;
  const bool found =
      tensor->direction == HIL_DIRECTION_INPUT
          ? EngineInput(tensor->index, &facts)
          : tensor->direction == HIL_DIRECTION_OUTPUT && EngineOutput(tensor->index, &facts);
  if (!found) return Reject(HIL_REJECT_NO_SUCH_TENSOR);
  HilTensorReply reply = {};
  reply.tensor_type = facts.type;
  reply.rank = facts.rank;
  for (uint32_t i = 0; i < facts.rank && i < HIL_MAX_RANK; i++) reply.shape[i] = facts.shape[i];
  reply.bytes = facts.bytes;
  reply.scale = facts.scale;
  reply.zero_point = facts.zero_point;
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

namespace {

bool InRange(uint32_t offset, size_t size, uint32_t tensor_bytes) {
  return offset <= tensor_bytes && size <= tensor_bytes - offset;
}

}  // namespace

size_t Runner::ServeWrite() {
  const HilWrite *write = Request<HilWrite>(true);
  if (write == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  if (arena_bytes_ == 0) return Reject(HIL_REJECT_NOT_ALLOCATED);
  TensorFacts input;
  if (!EngineInput(write->index, &input)) return Reject(HIL_REJECT_NO_SUCH_TENSOR);
  const size_t size = request_.payload_size() - sizeof *write;
  if (!InRange(write->offset, size, input.bytes)) return Reject(HIL_REJECT_OUT_OF_RANGE);
  memcpy(input.data + write->offset, request_.payload() + sizeof *write, size);
  const HilWriteReply reply = {static_cast<uint32_t>(size)};
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

uint8_t *Runner::PutInputCrcs(uint8_t *at) {
  TensorFacts input;
  for (uint32_t i = 0; EngineInput(i, &input); i++) {
    if (at + sizeof(uint32_t) > reply_.payload() + HIL_MAX_PAYLOAD_BYTES) break;
    const uint32_t crc = Crc32(0, input.data, input.bytes);
    memcpy(at, &crc, sizeof crc);
    at += sizeof crc;
  }
  return at;
}

size_t Runner::ServeInfer() {
  if (request_.payload_size() != 0) return Reject(HIL_REJECT_BAD_SIZE);
  if (arena_bytes_ == 0) return Reject(HIL_REJECT_NOT_ALLOCATED);
  // Before Invoke, which may use the inputs' memory for something else.
  const uint8_t *end = PutInputCrcs(reply_.payload() + sizeof(HilInferReply));
  const Measurement measurement = EngineInvoke();
  HilInferReply reply = {};
  reply.invoke_status = measurement.status;
  reply.cycles = measurement.cycles;
  memcpy(reply_.payload(), &reply, sizeof reply);
  return static_cast<size_t>(end - reply_.payload());
}

size_t Runner::ServeRead() {
  const HilRead *read = Request<HilRead>();
  if (read == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  if (arena_bytes_ == 0) return Reject(HIL_REJECT_NOT_ALLOCATED);
  TensorFacts output;
  if (!EngineOutput(read->index, &output)) return Reject(HIL_REJECT_NO_SUCH_TENSOR);
  if (read->size > HIL_MAX_PAYLOAD_BYTES || !InRange(read->offset, read->size, output.bytes))
    return Reject(HIL_REJECT_OUT_OF_RANGE);
  memcpy(reply_.payload(), output.data + read->offset, read->size);
  return read->size;
}

size_t Runner::ServeTrace() {
  const HilTrace *trace = Request<HilTrace>();
  if (trace == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  if (arena_bytes_ == 0) return Reject(HIL_REJECT_NOT_ALLOCATED);
  const uint8_t *end = PutInputCrcs(reply_.payload() + sizeof(HilTraceReply));
  const TraceResult result = EngineTrace({trace->flags, trace->first, trace->last});
  HilTraceReply reply = {};
  reply.invoke_status = result.status;
  reply.operators = result.operators;
  reply.cycles = result.cycles;
  reply.wrapper_cycles = result.wrapper_cycles;
  memcpy(reply_.payload(), &reply, sizeof reply);
  return static_cast<size_t>(end - reply_.payload());
}

size_t Runner::ServeMemory() {
  const HilMemory *memory = Request<HilMemory>();
  if (memory == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  if (memory->poison != 0) {
    arena_bytes_ = 0;
    PoisonArena();
    PaintStack();
  }
  const ArenaTouch arena = ArenaTouched(arena_bytes_);
  const StackUse stack = StackHighWater();
  HilMemoryReply reply = {};
  reply.arena_bytes = arena_bytes_;
  reply.arena_touched_bytes = arena.touched_bytes;
  reply.beyond_touched_bytes = arena.beyond_touched_bytes;
  reply.stack_bytes = stack.stack_bytes;
  reply.stack_used_bytes = stack.used_bytes;
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

size_t Runner::ServeSanity() {
  const HilSanity *sanity = Request<HilSanity>();
  if (sanity == nullptr) return Reject(HIL_REJECT_BAD_SIZE);
  const HilSanityReply reply = CheckSanity(sanity->spin_cycles);
  memcpy(reply_.payload(), &reply, sizeof reply);
  return sizeof reply;
}

}  // namespace hil
