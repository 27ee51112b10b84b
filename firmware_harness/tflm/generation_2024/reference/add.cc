// ADD by the tree's reference headers: float32, int8, int16, int32 and int64, with broadcasting.
#include "tensorflow/lite/micro/kernels/add.h"

#include "binary.h"
#include "tensorflow/lite/kernels/internal/reference/add.h"
#include "tensorflow/lite/kernels/internal/reference/integer_ops/add.h"
#include "tensorflow/lite/kernels/kernel_util.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr char kKernel[] = "ADD";

struct Call : Binary {
  const TfLiteAddParams &params;
  const OpDataAdd &data;

  Call(TfLiteContext *context, TfLiteNode *node)
      : Binary(context, node),
        params(*static_cast<const TfLiteAddParams *>(node->builtin_data)),
        data(*static_cast<const OpDataAdd *>(node->user_data)) {}

  template <typename Value>
  void Plain() const {
    ArithmeticParams clamp = {};
    Value low, high;
    CalculateActivationRange(params.activation, &low, &high);
    SetActivationParams(low, high, &clamp);
    Apply<Value>([&](const auto &...operands) {
      if (IsBroadcast()) {
        reference_ops::BroadcastAdd6DSlow(clamp, operands...);
      } else {
        reference_ops::Add(clamp, operands...);
      }
    });
  }

  ArithmeticParams Scaling() const {
    ArithmeticParams result = {};
    result.left_shift = data.left_shift;
    result.input1_offset = data.input1_offset;
    result.input1_multiplier = data.input1_multiplier;
    result.input1_shift = data.input1_shift;
    result.input2_offset = data.input2_offset;
    result.input2_multiplier = data.input2_multiplier;
    result.input2_shift = data.input2_shift;
    result.output_offset = data.output_offset;
    result.output_multiplier = data.output_multiplier;
    result.output_shift = data.output_shift;
    SetActivationParams(data.output_activation_min, data.output_activation_max, &result);
    return result;
  }

  void Int8() const {
    Apply<int8_t>([&](const auto &...operands) {
      if (IsBroadcast()) {
        reference_integer_ops::BroadcastAdd6DSlow(Scaling(), operands...);
      } else {
        reference_integer_ops::Add(Scaling(), operands...);
      }
    });
  }

  void Int16() const {
    Apply<int16_t>([&](const auto &...operands) {
      if (IsBroadcast()) {
        reference_ops::BroadcastAdd6DSlow(Scaling(), operands...);
      } else {
        reference_ops::Add(Scaling(), operands..., /*pot_scale=*/false);
      }
    });
  }
};

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpDataAdd));
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteAddParams *>(node->builtin_data);
  TF_LITE_ENSURE_STATUS(CheckBinary(context, node, kKernel, held, params.activation));
  const Binary of(context, node);
  if (of.IsQuantized()) {
    const ScaledTensor a = ScaledTensor::Input(context, node, 0),
                       b = ScaledTensor::Input(context, node, 1);
    const ScaledTensor sum = ScaledTensor::Output(context, node);
    const double larger = a->params.scale > b->params.scale ? a->params.scale : b->params.scale;
    const int headroom = of.Needed() == kInt16 ? 1 << 15 : 1 << 20;
    // The tree's prepare halts the processor on such scales.
    if (2 * larger >= headroom * static_cast<double>(sum->params.scale)) {
      return Refuse(kKernel, "the output's scale is too small for those of the inputs");
    }
  }
  return AddPrepare(context, node);
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
    if (needed == kInt8) call.Int8();
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) call.Int16();
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
  return micro::RegisterOp(Init, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_ADD() {
  return Register<kFloat32 | kInt8 | kInt16 | kInt32 | kInt64>();
}
TFLMRegistration Register_ADD_INT8() {
  return Register<kInt8>();
}
TFLMRegistration Register_ADD_INT16() {
  return Register<kInt16>();
}

}  // namespace tflite
