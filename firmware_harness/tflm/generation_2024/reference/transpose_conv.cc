// TRANSPOSE_CONV by the tree's reference headers: float32, int8 and int16x8.
#include "tensorflow/lite/micro/kernels/transpose_conv.h"

#include "tensorflow/lite/kernels/internal/reference/integer_ops/transpose_conv.h"
#include "tensorflow/lite/kernels/internal/reference/transpose_conv.h"
#include "tensorflow/lite/kernels/padding.h"
#include "weighted.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr Layout kLayout = {"TRANSPOSE_CONV", 2, 1, 3, 0};

struct OpData {
  OpDataConv conv;
  int accumulators;  // index of the scratch buffer with a sum for each output
};

struct Call : Weighted {
  TfLiteContext *context;
  const TfLiteTransposeConvParams &params;
  const OpData &data;

  Call(TfLiteContext *context, TfLiteNode *node)
      : Weighted(context, node, kLayout),
        context(context),
        params(*static_cast<const TfLiteTransposeConvParams *>(node->builtin_data)),
        data(*static_cast<const OpData *>(node->user_data)) {}

  ConvParams Params() const {
    ConvParams result = {};
    result.padding_values.width = data.conv.padding.width;
    result.padding_values.height = data.conv.padding.height;
    result.stride_width = params.stride_width;
    result.stride_height = params.stride_height;
    result.input_offset = -data.conv.input_zero_point;
    result.output_offset = data.conv.output_zero_point;
    result.quantized_activation_min = data.conv.output_activation_min;
    result.quantized_activation_max = data.conv.output_activation_max;
    CalculateActivationRange(params.activation, &result.float_activation_min,
                             &result.float_activation_max);
    return result;
  }

  void Float() const {
    reference_ops::TransposeConv(Params(), micro::GetTensorShape(input),
                                 micro::GetTensorData<float>(input), micro::GetTensorShape(weights),
                                 micro::GetTensorData<float>(weights), micro::GetTensorShape(bias),
                                 micro::GetOptionalTensorData<float>(bias),
                                 micro::GetTensorShape(output), micro::GetTensorData<float>(output),
                                 RuntimeShape(), nullptr);
  }

  template <typename Value, typename Sum>
  void Integer() const {
    reference_integer_ops::TransposeConv(
        Params(), data.conv.per_channel_output_multiplier, data.conv.per_channel_output_shift,
        micro::GetTensorShape(input), micro::GetTensorData<Value>(input),
        micro::GetTensorShape(weights), micro::GetTensorData<int8_t>(weights),
        micro::GetTensorShape(bias), micro::GetOptionalTensorData<Sum>(bias),
        micro::GetTensorShape(output), micro::GetTensorData<Value>(output), RuntimeShape(), nullptr,
        static_cast<Sum *>(context->GetScratchBuffer(context, data.accumulators)));
  }
};

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpData));
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteTransposeConvParams *>(node->builtin_data);
  auto *data = static_cast<OpData *>(node->user_data);
  TF_LITE_ENSURE_STATUS(
      PrepareConvolution(context, node, kLayout, held, params.activation, &data->conv));
  const Weighted of(context, node, kLayout);
  const int *kernel = of.weights->dims->data, *out = of.output->dims->data;
  if (of.input->dims->data[3] != kernel[3]) {
    return Refuse(kLayout.kernel, "weights and input differ in channels");
  }
  int height = 0, width = 0;
  data->conv.padding =
      ComputePaddingHeightWidth(params.stride_height, params.stride_width, 1, 1, out[1], out[2],
                                kernel[1], kernel[2], params.padding, &height, &width);
  if (of.input->type == kTfLiteFloat32) return kTfLiteOk;
  const size_t sum_bytes = of.Needed() == kInt16 ? sizeof(int64_t) : sizeof(int32_t);
  return context->RequestScratchBufferInArena(context, Elements(of.output) * sum_bytes,
                                              &data->accumulators);
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  return Compute<held>(context, Call(context, node), 0);
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(Init, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_TRANSPOSE_CONV() {
  return Register<kFloat32 | kInt8 | kInt16 | kInt16Bias32>();
}
TFLMRegistration Register_TRANSPOSE_CONV_INT8() {
  return Register<kInt8>();
}

}  // namespace tflite
