#ifndef HIL_TFLM_GENERATION_2024_REFERENCE_WEIGHTED_H
#define HIL_TFLM_GENERATION_2024_REFERENCE_WEIGHTED_H

// What operators with weights and a bias share: CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV and
// FULLY_CONNECTED.

#include "prepare.h"
#include "tensorflow/lite/kernels/kernel_util.h"
#include "tensorflow/lite/micro/kernels/conv.h"

namespace tflite {
namespace reference_kernels {

// Which inputs of an operator are which, and the dimension of the weights that counts its outputs.
struct Layout {
  const char *kernel;
  int input, weights, bias, channel_dimension;
};

// The tensors of a node as the headers take them; `bias` is null where the node has none.
struct Weighted {
  const TfLiteEvalTensor *input, *weights, *bias;
  TfLiteEvalTensor *output;

  Weighted(const TfLiteContext *context, const TfLiteNode *node, const Layout &layout)
      : input(micro::GetEvalInput(context, node, layout.input)),
        weights(micro::GetEvalInput(context, node, layout.weights)),
        bias(micro::GetEvalInput(context, node, layout.bias)),
        output(micro::GetEvalOutput(context, node, 0)) {}

  // The one arithmetic that these types have, or 0.
  unsigned Needed() const {
    const TfLiteType values = input->type, kernel = weights->type;
    const TfLiteType offsets = bias == nullptr ? kTfLiteNoType : bias->type;
    if (output->type != values) return 0;
    if (values == kTfLiteFloat32) {
      const bool floats = bias == nullptr || offsets == kTfLiteFloat32;
      return kernel == kTfLiteFloat32 && floats ? kFloat32 : 0;
    }
    if (values == kTfLiteInt8) {
      if (bias != nullptr && offsets != kTfLiteInt32) return 0;
      return kernel == kTfLiteInt8 ? kInt8 : kernel == kTfLiteInt4 ? kInt4 : 0;
    }
    if (values != kTfLiteInt16 || kernel != kTfLiteInt8) return 0;
    if (bias == nullptr || offsets == kTfLiteInt64) return kInt16;
    return offsets == kTfLiteInt32 ? kInt16Bias32 : 0;
  }
};

// Calls the arithmetic of `call`, which is a Weighted with members Float() and
// Integer<value type, bias type>(). Weights of int4 are unpacked into the scratch buffer first.
// Prepare has refused what `held` does not hold.
template <unsigned held, typename Call>
TfLiteStatus Compute(TfLiteContext *context, Call call, int unpacking_buffer) {
  const unsigned needed = call.Needed() & held;
  TfLiteEvalTensor unpacked;
  if constexpr ((held & kInt4) != 0) {
    unpacked = micro::MakeUnpackedInt4Tensor(context, unpacking_buffer, call.weights);
    call.weights = &unpacked;
  }
  if constexpr ((held & kFloat32) != 0) {
    if (needed == kFloat32) call.Float();
  }
  if constexpr ((held & (kInt8 | kInt4)) != 0) {
    if (needed == kInt8 || needed == kInt4) call.template Integer<int8_t, int32_t>();
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) call.template Integer<int16_t, int64_t>();
  }
  if constexpr ((held & kInt16Bias32) != 0) {
    if (needed == kInt16Bias32) call.template Integer<int16_t, int32_t>();
  }
  return needed == 0 ? kTfLiteError : kTfLiteOk;
}

// Checks types, activation, the number of outputs of weights and bias, and the quantization:
// the headers take weights without a zero point, and int16 values without one.
// Sets `per_channel` when the weights have a scale for each output.
inline TfLiteStatus CheckWeighted(TfLiteContext *context, TfLiteNode *node, const Layout &layout,
                                  unsigned held, TfLiteFusedActivation activation,
                                  bool *per_channel) {
  const Weighted of(context, node, layout);
  if (of.input == nullptr || of.weights == nullptr) return Refuse(layout.kernel, "no weights");
  if ((of.Needed() & held) == 0) {
    return RefuseTypes(layout.kernel, of.input, of.weights, of.bias, of.output);
  }
  if (!IsClamp(activation)) return Refuse(layout.kernel, "no such fused activation");
  if (of.weights->dims->size <= layout.channel_dimension) {
    return Refuse(layout.kernel, "weights have too few dimensions");
  }
  const int channels = of.weights->dims->data[layout.channel_dimension];
  const int last = of.output->dims->size - 1;
  if (last < 0 || of.output->dims->data[last] != channels ||
      (of.bias != nullptr && Elements(of.bias) != channels)) {
    return Refuse(layout.kernel, "weights, bias and output differ in channels");
  }
  *per_channel = false;
  if (of.input->type == kTfLiteFloat32) return kTfLiteOk;

  const ScaledTensor input = ScaledTensor::Input(context, node, layout.input);
  const ScaledTensor weights = ScaledTensor::Input(context, node, layout.weights);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  TF_LITE_ENSURE(context, input.get() != nullptr && weights.get() != nullptr);
  TF_LITE_ENSURE(context, output.get() != nullptr);
  if (input->quantization.type != kTfLiteAffineQuantization || !(input->params.scale > 0) ||
      weights->quantization.type != kTfLiteAffineQuantization || !(output->params.scale > 0)) {
    return Refuse(layout.kernel, "an integer tensor has no scale");
  }
  const bool symmetric = input->params.zero_point == 0 && output->params.zero_point == 0;
  if (of.input->type == kTfLiteInt16 && !symmetric) {
    return Refuse(layout.kernel, "int16 values with a zero point");
  }
  const auto *scales = static_cast<const TfLiteAffineQuantization *>(weights->quantization.params);
  *per_channel = scales->scale->size > 1;
  if (*per_channel && (scales->scale->size != channels ||
                       scales->quantized_dimension != layout.channel_dimension)) {
    return Refuse(layout.kernel, "weights have scales for another dimension than the output's");
  }
  for (int i = 0; i < scales->zero_point->size; ++i) {
    if (scales->zero_point->data[i] != 0) {
      return Refuse(layout.kernel, "weights with a zero point");
    }
  }
  return kTfLiteOk;
}

// Checks a convolution and prepares its quantization; the caller adds `data->padding`.
inline TfLiteStatus PrepareConvolution(TfLiteContext *context, TfLiteNode *node,
                                       const Layout &layout, unsigned held,
                                       TfLiteFusedActivation activation, OpDataConv *data) {
  bool per_channel = false;
  TF_LITE_ENSURE_STATUS(CheckWeighted(context, node, layout, held, activation, &per_channel));
  const Weighted of(context, node, layout);
  if (!HasRank(of.input, 4) || !HasRank(of.weights, 4) || !HasRank(of.output, 4) ||
      of.input->dims->data[0] != of.output->dims->data[0]) {
    return Refuse(layout.kernel, "input, weights and output must be of 4 dimensions, one batch");
  }
  if (of.input->type == kTfLiteFloat32) return kTfLiteOk;

  const int channels = of.weights->dims->data[layout.channel_dimension];
  const size_t bytes = channels * sizeof(int32_t);
  data->per_channel_output_multiplier =
      static_cast<int32_t *>(context->AllocatePersistentBuffer(context, bytes));
  data->per_channel_output_shift =
      static_cast<int32_t *>(context->AllocatePersistentBuffer(context, bytes));
  TF_LITE_ENSURE(context, data->per_channel_output_multiplier != nullptr);
  TF_LITE_ENSURE(context, data->per_channel_output_shift != nullptr);
  if (of.weights->type == kTfLiteInt4) {
    TF_LITE_ENSURE_STATUS(context->RequestScratchBufferInArena(context, Elements(of.weights),
                                                               &data->filter_buffer_index));
  }
  const ScaledTensor input = ScaledTensor::Input(context, node, layout.input);
  const ScaledTensor weights = ScaledTensor::Input(context, node, layout.weights);
  const ScaledTensor bias = ScaledTensor::Input(context, node, layout.bias);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  data->input_zero_point = input->params.zero_point;
  data->filter_zero_point = 0;
  data->output_zero_point = output->params.zero_point;
  return PopulateConvolutionQuantizationParams(
      context, input.get(), weights.get(), bias.get(), output.get(), activation,
      &data->output_multiplier, &data->output_shift, &data->output_activation_min,
      &data->output_activation_max, data->per_channel_output_multiplier,
      data->per_channel_output_shift, channels);
}

}  // namespace reference_kernels
}  // namespace tflite

#endif  // HIL_TFLM_GENERATION_2024_REFERENCE_WEIGHTED_H
