// MUL by the tree's reference headers: float32, int8, int16, int32 and int64, with broadcasting.
#include "tensorflow/lite/micro/kernels/mul.h"

#include "binary.h"
#include "tensorflow/lite/kernels/internal/reference/integer_ops/mul.h"
#include "tensorflow/lite/kernels/internal/reference/mul.h"
#include "tensorflow/lite/kernels/kernel_util.h"

namespace tflite {
namespace {

using namespace reference_kernels;

struct Call : Binary {
  const TfLiteMulParams &params;
  const OpDataMul &data;

  Call(TfLiteContext *context, TfLiteNode *node)
      : Binary(context, node),
        params(*static_cast<const TfLiteMulParams *>(node->builtin_data)),
        data(*static_cast<const OpDataMul *>(node->user_data)) {}

  template <typename Value>
  void Plain() const {
    ArithmeticParams clamp = {};
    Value low, high;
    CalculateActivationRange(params.activation, &low, &high);
    SetActivationParams(low, high, &clamp);
    Apply<Value>([&](const auto &...operands) {
      if (IsBroadcast()) {
        reference_ops::BroadcastMul6DSlow(clamp, operands...);
      } else {
        reference_ops::Mul(clamp, operands...);
      }
    });
  }

  template <typename Value>
  void Quantized() const {
    ArithmeticParams scaling = {};
    scaling.input1_offset = -data.input1_zero_point;
    scaling.input2_offset = -data.input2_zero_point;
    scaling.output_offset = data.output_zero_point;
    scaling.output_multiplier = data.output_multiplier;
    scaling.output_shift = data.output_shift;
    SetActivationParams(data.output_activation_min, data.output_activation_max, &scaling);
    Apply<Value>([&](const auto &...operands) {
      if (IsBroadcast()) {
        reference_integer_ops::BroadcastMul6DSlow(scaling, operands...);
      } else {
        reference_integer_ops::Mul(scaling, operands...);
      }
    });
  }
};

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteMulParams *>(node->builtin_data);
  TF_LITE_ENSURE_STATUS(CheckBinary(context, node, "MUL", held, params.activation));
  return MulPrepare(context, node);
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const Call call(context, node);
  const unsigned needed = call.Needed() & held;
  if constexpr ((held & kInt8) != 0) {
    if (needed == kInt8) call.Quantized<int8_t>();
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) call.Quantized<int16_t>();
  }
  if constexpr ((held & (kFloat32 | kInt32 | kInt64)) != 0) {
    if (needed == kFloat32) call.Plain<float>();
    if (needed == kInt32) call.Plain<int32_t>();
    if (needed == kInt64) call.Plain<int64_t>();
  }
  return needed == 0 ? kTfLiteError : kTfLiteOk;
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(MulInit, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_MUL() {
  return Register<kFloat32 | kInt8 | kInt16 | kInt32 | kInt64>();
}
TFLMRegistration Register_MUL_INT8() {
  return Register<kInt8>();
}

}  // namespace tflite
