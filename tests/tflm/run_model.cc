// Runs a .tflite file on TFLM of generation 2024 on this host.
//   run_model MODEL INPUTS OUTPUTS TYPES
// INPUTS holds the inputs of all inferences one after the other, OUTPUTS gets the outputs. TYPES is
// `all`, or `int8`, `int16`, `int4` for the registrations of that type alone. Arena and outputs are
// filled with a pattern first. Exits with 3 when the model is refused, with 4 when an inference
// fails.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <string>
#include <vector>

#include "tensorflow/lite/micro/debug_log.h"
#include "tensorflow/lite/micro/kernels/svdf.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_time.h"

extern "C" void DebugLog(const char *format, va_list arguments) {
  vfprintf(stderr, format, arguments);
}
extern "C" int DebugVsnprintf(char *text, size_t size, const char *format, va_list arguments) {
  return vsnprintf(text, size, format, arguments);
}

namespace tflite {
uint32_t ticks_per_second() {
  return 1;
}
uint32_t GetCurrentTimeTicks() {
  return 0;
}
// The tree's header of this function lacks an include of its own.
TFLMRegistration Register_UNIDIRECTIONAL_SEQUENCE_LSTM_INT8();
}  // namespace tflite

namespace {

using namespace tflite;

constexpr int kPattern = 0x5a;
alignas(16) uint8_t arena[1 << 20];
using Resolver = MicroMutableOpResolver<11>;

void AddOperators(const std::string &types, Resolver *resolver) {
  const bool i8 = types == "int8", i16 = types == "int16", i4 = types == "int4";
  resolver->AddConv2D(i8    ? Register_CONV_2D_INT8()
                      : i16 ? Register_CONV_2D_INT16()
                      : i4  ? Register_CONV_2D_INT4()
                            : Register_CONV_2D());
  resolver->AddDepthwiseConv2D(i8    ? Register_DEPTHWISE_CONV_2D_INT8()
                               : i16 ? Register_DEPTHWISE_CONV_2D_INT16()
                               : i4  ? Register_DEPTHWISE_CONV_2D_INT4()
                                     : Register_DEPTHWISE_CONV_2D());
  resolver->AddFullyConnected(i8    ? Register_FULLY_CONNECTED_INT8()
                              : i16 ? Register_FULLY_CONNECTED_INT16()
                              : i4  ? Register_FULLY_CONNECTED_INT4()
                                    : Register_FULLY_CONNECTED());
  resolver->AddAdd(i8 ? Register_ADD_INT8() : i16 ? Register_ADD_INT16() : Register_ADD());
  resolver->AddMul(i8 ? Register_MUL_INT8() : Register_MUL());
  resolver->AddAveragePool2D(i8    ? Register_AVERAGE_POOL_2D_INT8()
                             : i16 ? Register_AVERAGE_POOL_2D_INT16()
                                   : Register_AVERAGE_POOL_2D());
  resolver->AddMaxPool2D(i8    ? Register_MAX_POOL_2D_INT8()
                         : i16 ? Register_MAX_POOL_2D_INT16()
                               : Register_MAX_POOL_2D());
  resolver->AddSoftmax(i8                         ? Register_SOFTMAX_INT8()
                       : i16                      ? Register_SOFTMAX_INT16()
                       : types == "int8 to int16" ? Register_SOFTMAX_INT8_INT16()
                                                  : Register_SOFTMAX());
  resolver->AddSvdf(i8 ? Register_SVDF_INT8() : Register_SVDF());
  resolver->AddTransposeConv(i8 ? Register_TRANSPOSE_CONV_INT8() : Register_TRANSPOSE_CONV());
  resolver->AddUnidirectionalSequenceLSTM(i8 ? Register_UNIDIRECTIONAL_SEQUENCE_LSTM_INT8()
                                             : Register_UNIDIRECTIONAL_SEQUENCE_LSTM());
}

bool ReadFile(const char *path, std::vector<char> *content) {
  FILE *file = fopen(path, "rb");
  if (file == nullptr) return false;
  char block[4096];
  for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;) {
    content->insert(content->end(), block, block + count);
  }
  fclose(file);
  return true;
}

}  // namespace

int main(int count, char **arguments) {
  std::vector<char> file, inputs;
  if (count != 5 || !ReadFile(arguments[1], &file) || !ReadFile(arguments[2], &inputs)) return 2;
  std::vector<long double> model(file.size() / sizeof(long double) + 1);  // aligned to 16 bytes
  memcpy(model.data(), file.data(), file.size());
  memset(arena, kPattern, sizeof arena);
  Resolver resolver;
  AddOperators(arguments[4], &resolver);
  MicroInterpreter interpreter(GetModel(model.data()), resolver, arena, sizeof arena);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 3;
  FILE *outputs = fopen(arguments[3], "wb");
  if (outputs == nullptr) return 2;
  for (size_t at = 0; at < inputs.size();) {
    for (size_t i = 0; i < interpreter.inputs_size(); ++i) {
      TfLiteTensor *input = interpreter.input(i);
      if (at + input->bytes > inputs.size()) return 2;
      memcpy(input->data.raw, inputs.data() + at, input->bytes);
      at += input->bytes;
    }
    TfLiteTensor *output = interpreter.output(0);
    memset(output->data.raw, kPattern, output->bytes);
    if (interpreter.Invoke() != kTfLiteOk) return 4;
    fwrite(output->data.raw, 1, output->bytes, outputs);
  }
  return fclose(outputs) == 0 ? 0 : 2;
}
