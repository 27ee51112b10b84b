// SVDF by the tree's reference functions: float32, int8 with a state of int16 or int8.
#include "tensorflow/lite/micro/kernels/svdf.h"

#include "prepare.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr char kKernel[] = "SVDF";

// The tensors of a node as the tree's functions take them.
struct Call {
  const TfLiteEvalTensor *input, *features, *time, *bias;
  TfLiteEvalTensor *state, *output;

  Call(const TfLiteContext *context, const TfLiteNode *node)
      : input(micro::GetEvalInput(context, node, kSvdfInputTensor)),
        features(micro::GetEvalInput(context, node, kSvdfWeightsFeatureTensor)),
        time(micro::GetEvalInput(context, node, kSvdfWeightsTimeTensor)),
        bias(micro::GetEvalInput(context, node, kSvdfBiasTensor)),
        state(micro::GetMutableEvalInput(context, node, kSvdfInputActivationStateTensor)),
        output(micro::GetEvalOutput(context, node, kSvdfOutputTensor)) {}

  bool IsWhole() const {
    return input != nullptr && features != nullptr && time != nullptr && state != nullptr;
  }

  // The one arithmetic that these types have, or 0. The tree's prepare would also pair weights of
  // int8 with a state of int16.
  unsigned Needed() const {
    if (input->type != output->type || time->type != state->type) return 0;
    if (features->type != input->type) return 0;
    if (input->type == kTfLiteFloat32) {
      return time->type == kTfLiteFloat32 && bias->type == kTfLiteFloat32 ? kFloat32 : 0;
    }
    if (input->type != kTfLiteInt8 || bias->type != kTfLiteInt32) return 0;
    return time->type == kTfLiteInt16 || time->type == kTfLiteInt8 ? kInt8 : 0;
  }
};

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpDataSvdf));
}

// The integer functions clamp to the range of int8 and to nothing else, and add the zero point of
// a state after its clamp.
TfLiteStatus CheckInt8(TfLiteContext *context, TfLiteNode *node, TfLiteFusedActivation activation) {
  const ScaledTensor input = ScaledTensor::Input(context, node, kSvdfInputTensor);
  const ScaledTensor features = ScaledTensor::Input(context, node, kSvdfWeightsFeatureTensor);
  const ScaledTensor time = ScaledTensor::Input(context, node, kSvdfWeightsTimeTensor);
  const ScaledTensor state = ScaledTensor::Input(context, node, kSvdfInputActivationStateTensor);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  if (!(input->params.scale > 0) || !(features->params.scale > 0) || !(time->params.scale > 0) ||
      !(state->params.scale > 0) || !(output->params.scale > 0)) {
    return Refuse(kKernel, "an integer tensor has no scale");
  }
  if (state->params.zero_point != 0) return Refuse(kKernel, "a state with a zero point");
  const bool relu = activation == kTfLiteActRelu && output->params.zero_point == -128;
  if (activation != kTfLiteActNone && !relu) {
    return Refuse(kKernel, "int8 takes no activation but RELU with an output zero point of -128");
  }
  return kTfLiteOk;
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params = *static_cast<const TfLiteSVDFParams *>(node->builtin_data);
  const Call of(context, node);
  if (!of.IsWhole()) return Refuse(kKernel, "an input is missing");
  if (of.bias == nullptr) return Refuse(kKernel, "the tree's functions need a bias");
  if ((of.Needed() & held) == 0) {
    MicroPrintf("%s: weights of %s, %s and a state of %s", kKernel,
                TfLiteTypeGetName(of.features->type), TfLiteTypeGetName(of.time->type),
                TfLiteTypeGetName(of.state->type));
    return RefuseTypes(kKernel, of.input, of.time, of.bias, of.output);
  }
  if (!HasRank(of.input, 2) || !HasRank(of.features, 2) || !HasRank(of.time, 2) ||
      params.rank < 1) {
    return Refuse(kKernel, "input and weights must be of 2 dimensions, the rank positive");
  }
  if (of.input->type == kTfLiteInt8) {
    TF_LITE_ENSURE_STATUS(CheckInt8(context, node, params.activation));
  }
  return PrepareSvdf(context, node);
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const auto *params = static_cast<const TfLiteSVDFParams *>(node->builtin_data);
  const auto &data = *static_cast<const OpDataSvdf *>(node->user_data);
  const Call of(context, node);
  const unsigned needed = of.Needed() & held;
  if constexpr ((held & kFloat32) != 0) {
    if (needed == kFloat32) {
      EvalFloatSvdfReference(context, node, of.input, of.features, of.time, of.bias, params,
                             data.scratch_tensor_index, of.state, of.output);
    }
  }
  if constexpr ((held & kInt8) != 0) {
    if (needed == kInt8) {
      const auto function =
          of.state->type == kTfLiteInt16 ? EvalInt16SvdfReference : EvalInt8SvdfReference;
      function(context, node, of.input, of.features, of.time, of.bias, params, of.state, of.output,
               data);
    }
  }
  return needed == 0 ? kTfLiteError : kTfLiteOk;
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(Init, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_SVDF() {
  return Register<kFloat32 | kInt8>();
}
TFLMRegistration Register_SVDF_INT8() {
  return Register<kInt8>();
}

}  // namespace tflite
