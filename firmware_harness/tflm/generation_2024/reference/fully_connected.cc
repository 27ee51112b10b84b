// FULLY_CONNECTED by the tree's reference headers: float32, int8 (weights int8 or int4) and
// int16x8, with one scale for the weights or one for each output.
#include "tensorflow/lite/micro/kernels/fully_connected.h"

#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/internal/reference/fully_connected.h"
#include "tensorflow/lite/kernels/internal/reference/integer_ops/fully_connected.h"
#include "weighted.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr Layout kLayout = {"FULLY_CONNECTED", 0, 1, 2, 0};

struct OpData {
  OpDataFullyConnected whole;  // the tree's: one multiplier for all outputs
  int32_t *multipliers;        // one for each output, or null
  int *shifts;
};

struct Call : Weighted {
  const TfLiteFullyConnectedParams &params;
  const OpData &data;

  Call(TfLiteContext *context, TfLiteNode *node)
      : Weighted(context, node, kLayout),
        params(*static_cast<const TfLiteFullyConnectedParams *>(node->builtin_data)),
        data(*static_cast<const OpData *>(node->user_data)) {}

  // The per-channel header takes outputs of rank 2 only: all but the last dimension are batches.
  RuntimeShape Rows() const {
    const int32_t units = weights->dims->data[0];
    const int32_t sizes[] = {Elements(output) / units, units};
    return RuntimeShape(2, sizes);
  }

  void Float() const {
    reference_ops::FullyConnected(
        FullyConnectedParamsFloat(params.activation), micro::GetTensorShape(input),
        micro::GetTensorData<float>(input), micro::GetTensorShape(weights),
        micro::GetTensorData<float>(weights), micro::GetTensorShape(bias),
        micro::GetOptionalTensorData<float>(bias), Rows(), micro::GetTensorData<float>(output));
  }

  template <typename Value, typename Bias>
  void Integer() const {
    const FullyConnectedParams scalars = FullyConnectedParamsQuantized(data.whole);
    const auto *values = micro::GetTensorData<Value>(input);
    const auto *kernel = micro::GetTensorData<int8_t>(weights);
    const auto *offsets = micro::GetOptionalTensorData<Bias>(bias);
    const RuntimeShape in = micro::GetTensorShape(input), shape = micro::GetTensorShape(weights);
    auto *results = micro::GetTensorData<Value>(output);
    if (data.multipliers == nullptr) {
      reference_integer_ops::FullyConnected(scalars, in, values, shape, kernel,
                                            micro::GetTensorShape(bias), offsets, Rows(), results);
      return;
    }
    reference_integer_ops::FullyConnectedPerChannel(
        scalars, data.multipliers, data.shifts, in, values, shape, kernel,
        micro::GetTensorShape(bias), offsets, Rows(), results);
  }
};

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpData));
}

// A multiplier for each output; the tree's prepare computes that of the first scale only.
TfLiteStatus PreparePerChannel(TfLiteContext *context, TfLiteNode *node, int channels,
                               OpData *data) {
  const ScaledTensor input = ScaledTensor::Input(context, node, kLayout.input);
  const ScaledTensor weights = ScaledTensor::Input(context, node, kLayout.weights);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  data->multipliers = static_cast<int32_t *>(
      context->AllocatePersistentBuffer(context, channels * sizeof(int32_t)));
  data->shifts =
      static_cast<int *>(context->AllocatePersistentBuffer(context, channels * sizeof(int)));
  TF_LITE_ENSURE(context, data->multipliers != nullptr && data->shifts != nullptr);
  const auto *scales = static_cast<const TfLiteAffineQuantization *>(weights->quantization.params);
  for (int i = 0; i < channels; ++i) {
    const double product = static_cast<double>(input->params.scale) * scales->scale->data[i];
    QuantizeMultiplier(product / output->params.scale, &data->multipliers[i], &data->shifts[i]);
  }
  return kTfLiteOk;
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteFullyConnectedParams *>(node->builtin_data);
  auto *data = static_cast<OpData *>(node->user_data);
  *data = OpData();
  bool per_channel = false;
  TF_LITE_ENSURE_STATUS(
      CheckWeighted(context, node, kLayout, held, params.activation, &per_channel));
  const Weighted of(context, node, kLayout);
  const int units = of.weights->dims->data[0];
  if (!HasRank(of.weights, 2) ||
      params.weights_format != kTfLiteFullyConnectedWeightsFormatDefault) {
    return Refuse(kLayout.kernel, "weights must be a plain matrix");
  }
  if (units < 1 || Elements(of.output) / units * of.weights->dims->data[1] != Elements(of.input)) {
    return Refuse(kLayout.kernel, "weights do not fit the shapes of input and output");
  }
  if (of.input->type == kTfLiteFloat32) return kTfLiteOk;
  {
    const ScaledTensor input = ScaledTensor::Input(context, node, kLayout.input);
    const ScaledTensor weights = ScaledTensor::Input(context, node, kLayout.weights);
    const ScaledTensor bias = ScaledTensor::Input(context, node, kLayout.bias);
    const ScaledTensor output = ScaledTensor::Output(context, node);
    // With a scale for each output the tree's check of the bias would see the first scale only.
    TF_LITE_ENSURE_STATUS(CalculateOpDataFullyConnected(
        context, params.activation, of.input->type, input.get(), weights.get(),
        per_channel ? nullptr : bias.get(), output.get(), &data->whole));
  }
  if (of.weights->type == kTfLiteInt4) {
    TF_LITE_ENSURE_STATUS(context->RequestScratchBufferInArena(context, Elements(of.weights),
                                                               &data->whole.filter_buffer_index));
  }
  return per_channel ? PreparePerChannel(context, node, units, data) : kTfLiteOk;
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const Call call(context, node);
  return Compute<held>(context, call, call.data.whole.filter_buffer_index);
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(Init, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_FULLY_CONNECTED() {
  return Register<kFloat32 | kInt8 | kInt4 | kInt16 | kInt16Bias32>();
}
TFLMRegistration Register_FULLY_CONNECTED_INT4() {
  return Register<kInt4>();
}
TFLMRegistration Register_FULLY_CONNECTED_INT8() {
  return Register<kInt8>();
}
TFLMRegistration Register_FULLY_CONNECTED_INT16() {
  return Register<kInt16 | kInt16Bias32>();
}

}  // namespace tflite
