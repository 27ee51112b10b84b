// DEPTHWISE_CONV_2D by the tree's reference headers: float32, int8 (weights int8 or int4), int16x8.
#include "tensorflow/lite/micro/kernels/depthwise_conv.h"

#include "tensorflow/lite/kernels/internal/reference/depthwiseconv_float.h"
#include "tensorflow/lite/kernels/internal/reference/integer_ops/depthwise_conv.h"
#include "tensorflow/lite/kernels/padding.h"
#include "weighted.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr Layout kLayout = {"DEPTHWISE_CONV_2D", 0, 1, 2, 3};

struct Call : Weighted {
  const TfLiteDepthwiseConvParams &params;
  const OpDataConv &data;

  Call(TfLiteContext *context, TfLiteNode *node)
      : Weighted(context, node, kLayout),
        params(*static_cast<const TfLiteDepthwiseConvParams *>(node->builtin_data)),
        data(*static_cast<const OpDataConv *>(node->user_data)) {}

  void Float() const {
    reference_ops::DepthwiseConv(
        DepthwiseConvParamsFloat(params, data), micro::GetTensorShape(input),
        micro::GetTensorData<float>(input), micro::GetTensorShape(weights),
        micro::GetTensorData<float>(weights), micro::GetTensorShape(bias),
        micro::GetOptionalTensorData<float>(bias), micro::GetTensorShape(output),
        micro::GetTensorData<float>(output));
  }

  template <typename Value, typename Bias>
  void Integer() const {
    reference_integer_ops::DepthwiseConvPerChannel(
        DepthwiseConvParamsQuantized(params, data), data.per_channel_output_multiplier,
        data.per_channel_output_shift, micro::GetTensorShape(input),
        micro::GetTensorData<Value>(input), micro::GetTensorShape(weights),
        micro::GetTensorData<int8_t>(weights), micro::GetTensorShape(bias),
        micro::GetOptionalTensorData<Bias>(bias), micro::GetTensorShape(output),
        micro::GetTensorData<Value>(output));
  }
};

// The tree's own prepare frees the tensor of the bias also when there is none.
TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteDepthwiseConvParams *>(node->builtin_data);
  auto *data = static_cast<OpDataConv *>(node->user_data);
  TF_LITE_ENSURE_STATUS(PrepareConvolution(context, node, kLayout, held, params.activation, data));
  const Weighted of(context, node, kLayout);
  const int *in = of.input->dims->data, *kernel = of.weights->dims->data;
  const int *out = of.output->dims->data;
  if (kernel[0] != 1 || in[3] * params.depth_multiplier != out[3]) {
    return Refuse(kLayout.kernel, "output channels are not input channels times depth_multiplier");
  }
  int height = 0, width = 0;
  data->padding =
      ComputePaddingHeightWidth(params.stride_height, params.stride_width,
                                params.dilation_height_factor, params.dilation_width_factor, in[1],
                                in[2], kernel[1], kernel[2], params.padding, &height, &width);
  if (height != out[1] || width != out[2]) {
    return Refuse(kLayout.kernel, "the output's shape does not follow from the input's");
  }
  return kTfLiteOk;
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const Call call(context, node);
  return Compute<held>(context, call, call.data.filter_buffer_index);
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(ConvInit, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_DEPTHWISE_CONV_2D() {
  return Register<kFloat32 | kInt8 | kInt4 | kInt16>();
}
TFLMRegistration Register_DEPTHWISE_CONV_2D_INT4() {
  return Register<kInt4>();
}
TFLMRegistration Register_DEPTHWISE_CONV_2D_INT8() {
  return Register<kInt8>();
}
TFLMRegistration Register_DEPTHWISE_CONV_2D_INT16() {
  return Register<kInt16>();
}

}  // namespace tflite
