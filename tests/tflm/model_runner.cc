// Runs any model on the TFLM tree it is linked with: MODEL INPUTS ARENA_BYTES FILL OUTPUTS.
// INPUTS holds the inputs of all inferences one after the other, OUTPUTS gets theirs. The arena is
// filled with the byte FILL first. Exit codes: 3 not allocated, 4 not invoked, 5 a failed check.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list args) {
  return vsnprintf(buffer, size, format, args);
}

extern "C" void DebugLog(const char *format, va_list args) {
  char text[512];
  vsnprintf(text, sizeof text, format, args);
  fputs(text, stderr);
  if (strncmp(text, "HALTED", 6) == 0) _Exit(5);
}

namespace tflite {
uint32_t ticks_per_second() {
  return 0;
}
uint32_t GetCurrentTimeTicks() {
  return 0;
}
}  // namespace tflite

namespace {

std::vector<uint8_t> Read(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == nullptr) exit(2);
  std::vector<uint8_t> content;
  for (int byte = fgetc(file); byte != EOF; byte = fgetc(file))
    content.push_back(static_cast<uint8_t>(byte));
  fclose(file);
  return content;
}

}  // namespace

int main(int count, char **arguments) {
  if (count != 6) return 2;
  const std::vector<uint8_t> model = Read(arguments[1]), inputs = Read(arguments[2]);
  const size_t arena_bytes = strtoul(arguments[3], nullptr, 0);
  const int fill = static_cast<int>(strtol(arguments[4], nullptr, 0));
  static tflite::MicroMutableOpResolver<HIL_OPERATOR_COUNT> resolver;
  HIL_ADD_OPERATORS(resolver)
  auto *arena = static_cast<uint8_t *>(aligned_alloc(64, arena_bytes));
  memset(arena, fill, arena_bytes);
  auto *aligned = static_cast<uint8_t *>(aligned_alloc(64, (model.size() + 63) / 64 * 64));
  memcpy(aligned, model.data(), model.size());
  tflite::MicroInterpreter interpreter(tflite::GetModel(aligned), resolver, arena, arena_bytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 3;
  FILE *results = fopen(arguments[5], "wb");
  if (results == nullptr) return 2;
  size_t at = 0;
  do {
    for (size_t i = 0; i < interpreter.inputs_size(); i++) {
      TfLiteTensor *input = interpreter.input(i);
      if (at + input->bytes > inputs.size()) return 2;
      memcpy(input->data.raw, inputs.data() + at, input->bytes);
      at += input->bytes;
    }
    if (interpreter.Invoke() != kTfLiteOk) return 4;
    for (size_t i = 0; i < interpreter.outputs_size(); i++)
      fwrite(interpreter.output(i)->data.raw, 1, interpreter.output(i)->bytes, results);
  } while (at < inputs.size());
  return fclose(results) == 0 ? 0 : 2;
}
