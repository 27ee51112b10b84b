// SOFTMAX by the tree's reference headers: float32, int8 to int8 or int16, int16.
#include "tensorflow/lite/micro/kernels/softmax.h"

#include <type_traits>

#include "prepare.h"
#include "tensorflow/lite/kernels/internal/reference/softmax.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr char kKernel[] = "SOFTMAX";
constexpr unsigned kInt8ToInt16 = 128;

unsigned Needed(TfLiteType input, TfLiteType output) {
  if (input == kTfLiteInt8 && output == kTfLiteInt16) return kInt8ToInt16;
  if (input != output) return 0;
  return input == kTfLiteFloat32 ? kFloat32
         : input == kTfLiteInt8  ? kInt8
         : input == kTfLiteInt16 ? kInt16
                                 : 0u;
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const TfLiteEvalTensor *input = micro::GetEvalInput(context, node, 0);
  const TfLiteEvalTensor *output = micro::GetEvalOutput(context, node, 0);
  TF_LITE_ENSURE(context, input != nullptr && output != nullptr);
  if ((Needed(input->type, output->type) & held) == 0) {
    return RefuseTypes(kKernel, input, nullptr, nullptr, output);
  }
  if (!micro::HaveSameShapes(input, output) || HasRank(input, 0)) {
    return Refuse(kKernel, "input and output must be of one shape");
  }
  {
    const ScaledTensor quantized = ScaledTensor::Input(context, node, 0);
    if (input->type != kTfLiteFloat32 && !(quantized->params.scale > 0)) {
      return Refuse(kKernel, "an integer tensor has no scale");
    }
  }
  return SoftmaxPrepare(context, node);
}

template <typename In, typename Out>
void Compute(const SoftmaxParams &params, const TfLiteEvalTensor *input, TfLiteEvalTensor *output) {
  const auto *values = micro::GetTensorData<In>(input);
  auto *results = micro::GetTensorData<Out>(output);
  const RuntimeShape shape = micro::GetTensorShape(input);
  if constexpr (std::is_same<In, int16_t>::value) {
    reference_ops::SoftmaxInt16(params, shape, values, shape, results);
  } else {
    reference_ops::Softmax(params, shape, values, shape, results);
  }
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const auto &params = *static_cast<const SoftmaxParams *>(node->user_data);
  const TfLiteEvalTensor *input = micro::GetEvalInput(context, node, 0);
  TfLiteEvalTensor *output = micro::GetEvalOutput(context, node, 0);
  const unsigned needed = Needed(input->type, output->type) & held;
  if constexpr ((held & kFloat32) != 0) {
    if (needed == kFloat32) Compute<float, float>(params, input, output);
  }
  if constexpr ((held & kInt8) != 0) {
    if (needed == kInt8) Compute<int8_t, int8_t>(params, input, output);
  }
  if constexpr ((held & kInt8ToInt16) != 0) {
    if (needed == kInt8ToInt16) Compute<int8_t, int16_t>(params, input, output);
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) Compute<int16_t, int16_t>(params, input, output);
  }
  return needed == 0 ? kTfLiteError : kTfLiteOk;
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(SoftmaxInit, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_SOFTMAX() {
  return Register<kFloat32 | kInt8 | kInt8ToInt16 | kInt16>();
}
TFLMRegistration Register_SOFTMAX_INT8() {
  return Register<kInt8>();
}
TFLMRegistration Register_SOFTMAX_INT8_INT16() {
  return Register<kInt8ToInt16>();
}
TFLMRegistration Register_SOFTMAX_INT16() {
  return Register<kInt16>();
}

}  // namespace tflite
