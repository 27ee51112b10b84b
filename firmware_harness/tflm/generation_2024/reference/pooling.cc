// AVERAGE_POOL_2D and MAX_POOL_2D by the tree's reference headers: float32, int8 and int16.
#include "tensorflow/lite/micro/kernels/pooling.h"

#include <cmath>
#include <type_traits>

#include "prepare.h"

namespace tflite {
namespace {

using namespace reference_kernels;

unsigned Needed(TfLiteType type) {
  return type == kTfLiteFloat32 ? kFloat32
         : type == kTfLiteInt8  ? kInt8
         : type == kTfLiteInt16 ? kInt16
                                : 0u;
}

struct Average {
  static constexpr char kKernel[] = "AVERAGE_POOL_2D";

  template <typename Value, typename... Operands>
  static bool Pool(const PoolParams &params, const Operands &...operands) {
    if constexpr (std::is_same<Value, float>::value) {
      return reference_ops::AveragePool(params, operands...);
    } else {
      return reference_integer_ops::AveragePool(params, operands...);
    }
  }
};

struct Maximum {
  static constexpr char kKernel[] = "MAX_POOL_2D";

  template <typename Value, typename... Operands>
  static bool Pool(const PoolParams &params, const Operands &...operands) {
    if constexpr (std::is_same<Value, float>::value) {
      reference_ops::MaxPool(params, operands...);
    } else {
      reference_integer_ops::MaxPool(params, operands...);
    }
    return true;
  }
};

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpDataPooling));
}

// The headers pool the stored integers: both sides must mean the same by them.
bool SameScale(TfLiteContext *context, TfLiteNode *node) {
  const ScaledTensor input = ScaledTensor::Input(context, node, kPoolingInputTensor);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  return output->params.scale > 0 && input->params.zero_point == output->params.zero_point &&
         std::fabs(input->params.scale - output->params.scale) <= 1e-6f;
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, const char *kernel,
                          unsigned held) {
  const auto &params = *static_cast<const TfLitePoolParams *>(node->builtin_data);
  const TfLiteEvalTensor *input = micro::GetEvalInput(context, node, kPoolingInputTensor);
  const TfLiteEvalTensor *output = micro::GetEvalOutput(context, node, kPoolingOutputTensor);
  TF_LITE_ENSURE(context, input != nullptr && output != nullptr);
  if (input->type != output->type || (Needed(input->type) & held) == 0) {
    return RefuseTypes(kernel, input, nullptr, nullptr, output);
  }
  if (!IsClamp(params.activation)) return Refuse(kernel, "no such fused activation");
  if (!HasRank(input, 4) || !HasRank(output, 4)) return Refuse(kernel, "tensors not of rank 4");
  if (input->type != kTfLiteFloat32 && !SameScale(context, node)) {
    return Refuse(kernel, "input and output differ in scale or zero point");
  }
  if (params.filter_height < 1 || params.filter_width < 1) return Refuse(kernel, "an empty window");
  const int *in = input->dims->data, *out = output->dims->data;
  int height = 0, width = 0;
  ComputePaddingHeightWidth(params.stride_height, params.stride_width, 1, 1, in[1], in[2],
                            params.filter_height, params.filter_width, params.padding, &height,
                            &width);
  if (out[0] != in[0] || out[1] != height || out[2] != width || out[3] != in[3]) {
    return Refuse(kernel, "the output's shape does not follow from the input's");
  }
  return PoolingPrepare(context, node);
}

template <typename Value, typename Kind>
bool Compute(const PoolParams &params, const TfLiteEvalTensor *input, TfLiteEvalTensor *output) {
  return Kind::template Pool<Value>(
      params, micro::GetTensorShape(input), micro::GetTensorData<Value>(input),
      micro::GetTensorShape(output), micro::GetTensorData<Value>(output));
}

template <typename Kind, unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, Kind::kKernel, held);
}

template <typename Kind, unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const auto &settings = *static_cast<const TfLitePoolParams *>(node->builtin_data);
  const auto &data = *static_cast<const OpDataPooling *>(node->user_data);
  const TfLiteEvalTensor *input = micro::GetEvalInput(context, node, kPoolingInputTensor);
  TfLiteEvalTensor *output = micro::GetEvalOutput(context, node, kPoolingOutputTensor);
  PoolParams params = {};
  params.stride_height = settings.stride_height;
  params.stride_width = settings.stride_width;
  params.filter_height = settings.filter_height;
  params.filter_width = settings.filter_width;
  params.padding_values.height = data.padding.height;
  params.padding_values.width = data.padding.width;
  params.quantized_activation_min = data.activation_min;
  params.quantized_activation_max = data.activation_max;
  params.float_activation_min = data.activation_min_f32;
  params.float_activation_max = data.activation_max_f32;
  const unsigned needed = Needed(input->type) & held;
  bool whole = false;
  if constexpr ((held & kFloat32) != 0) {
    if (needed == kFloat32) whole = Compute<float, Kind>(params, input, output);
  }
  if constexpr ((held & kInt8) != 0) {
    if (needed == kInt8) whole = Compute<int8_t, Kind>(params, input, output);
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) whole = Compute<int16_t, Kind>(params, input, output);
  }
  if (!whole) return Refuse(Kind::kKernel, "a window lies outside of the input");
  return kTfLiteOk;
}

template <typename Kind, unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(Init, Prepare<Kind, held>, Invoke<Kind, held>);
}

}  // namespace

TFLMRegistration Register_AVERAGE_POOL_2D() {
  return Register<Average, kFloat32 | kInt8 | kInt16>();
}
TFLMRegistration Register_AVERAGE_POOL_2D_INT8() {
  return Register<Average, kInt8>();
}
TFLMRegistration Register_AVERAGE_POOL_2D_INT16() {
  return Register<Average, kInt16>();
}
TFLMRegistration Register_MAX_POOL_2D() {
  return Register<Maximum, kFloat32 | kInt8 | kInt16>();
}
TFLMRegistration Register_MAX_POOL_2D_INT8() {
  return Register<Maximum, kInt8>();
}
TFLMRegistration Register_MAX_POOL_2D_INT16() {
  return Register<Maximum, kInt16>();
}

}  // namespace tflite
