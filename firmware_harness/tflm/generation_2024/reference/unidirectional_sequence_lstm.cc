// UNIDIRECTIONAL_SEQUENCE_LSTM by the tree's reference functions: float32, int8 and int16 values
// with weights of int8 and a cell state of int16.
#include "prepare.h"
#include "tensorflow/lite/kernels/internal/quantization_util.h"
#include "tensorflow/lite/kernels/kernel_util.h"
#include "tensorflow/lite/micro/kernels/lstm_eval.h"
#include "tensorflow/lite/micro/kernels/micro_ops.h"

namespace tflite {
namespace {

using namespace reference_kernels;

constexpr char kKernel[] = "UNIDIRECTIONAL_SEQUENCE_LSTM";

// The one arithmetic that these types have, or 0; one tensor speaks for its kind, whose types the
// tree's LstmTensors has found equal.
unsigned Needed(TfLiteType input, TfLiteType weights, TfLiteType bias, TfLiteType cell) {
  if (input == kTfLiteFloat32) {
    const bool floats = weights == kTfLiteFloat32 && bias == kTfLiteFloat32;
    return floats && cell == kTfLiteFloat32 ? kFloat32 : 0;
  }
  if (weights != kTfLiteInt8 || cell != kTfLiteInt16) return 0;
  if (input == kTfLiteInt8) return bias == kTfLiteInt32 ? kInt8 : 0;
  return input == kTfLiteInt16 && bias == kTfLiteInt64 ? kInt16 : 0;
}

void *Init(TfLiteContext *context, const char *, size_t) {
  return context->AllocatePersistentBuffer(context, sizeof(OpDataLSTM));
}

// The tree's functions ignore zero points of weights, scales for each output, and a cell state
// whose scale is no power of two.
TfLiteStatus CheckInteger(const LstmTensors &tensors) {
  for (int i = kLstmInputToInputWeightsTensor; i <= kLstmRecurrentToOutputWeightsTensor; ++i) {
    const TfLiteTensor *weights = tensors.GetInternalTensor(i);
    if (weights->quantization.type != kTfLiteAffineQuantization) {
      return Refuse(kKernel, "an integer tensor has no scale");
    }
    const auto *scales =
        static_cast<const TfLiteAffineQuantization *>(weights->quantization.params);
    if (scales->scale->size != 1) return Refuse(kKernel, "weights with a scale for each output");
    if (weights->params.zero_point != 0) return Refuse(kKernel, "weights with a zero point");
  }
  const TfLiteTensor *input = tensors.GetInternalTensor(kLstmInputTensor);
  const TfLiteTensor *state = tensors.HiddenStateTensor(), *output = tensors.OutputTensor();
  if (!(input->params.scale > 0) || !(state->params.scale > 0)) {
    return Refuse(kKernel, "an integer tensor has no scale");
  }
  if (state->params.scale != output->params.scale ||
      state->params.zero_point != output->params.zero_point) {
    return Refuse(kKernel, "output and state differ in scale or zero point");
  }
  const TfLiteTensor *cell = tensors.CellStateTensor();
  int power = 0;
  if (!CheckedLog2(cell->params.scale, &power) || power > -9 || power < -15 ||
      cell->params.zero_point != 0) {
    return Refuse(kKernel, "the cell state's scale must be 2^-15 to 2^-9, without a zero point");
  }
  return kTfLiteOk;
}

TfLiteStatus PrepareTypes(TfLiteContext *context, TfLiteNode *node, unsigned held) {
  const auto &params =
      *static_cast<const TfLiteUnidirectionalSequenceLSTMParams *>(node->builtin_data);
  auto *data = static_cast<OpDataLSTM *>(node->user_data);
  TF_LITE_ENSURE_EQ(context, NumInputs(node), 24);
  TF_LITE_ENSURE_EQ(context, NumOutputs(node), 1);
  const LstmTensors tensors(context, node);
  TF_LITE_ENSURE_STATUS(tensors.ValidateTensorStatus(context));
  const TfLiteTensor *input = tensors.GetInternalTensor(kLstmInputTensor);
  const TfLiteType weights = tensors.GetInternalTensor(kLstmInputToForgetWeightsTensor)->type;
  const TfLiteType bias = tensors.GetInternalTensor(kLstmForgetGateBiasTensor)->type;
  const TfLiteType cell = tensors.CellStateTensor()->type;
  if ((Needed(input->type, weights, bias, cell) & held) == 0) {
    MicroPrintf("%s: no arithmetic for an input of %s, weights of %s, bias of %s, cell of %s",
                kKernel, TfLiteTypeGetName(input->type), TfLiteTypeGetName(weights),
                TfLiteTypeGetName(bias), TfLiteTypeGetName(cell));
    return kTfLiteError;
  }
  // The tree's functions compute the output from tanh of the cell, whatever the activation.
  if (params.activation != kTfLiteActTanh) return Refuse(kKernel, "activation must be TANH");
  if (params.diagonal_recurrent_tensors) return Refuse(kKernel, "diagonal recurrent weights");
  if (NumDimensions(input) != 3 || NumDimensions(tensors.HiddenStateTensor()) != 2) {
    return Refuse(kKernel, "input must be of 3 dimensions, state of 2");
  }
  data->size_info =
      CreateLstmSizeInfo(params.time_major, input->dims, tensors.HiddenStateTensor()->dims);
  data->cell_gate_nonlinear_type = params.activation;
  TF_LITE_ENSURE_STATUS(ValidateTensorSize(context, tensors, data->size_info));
  if (cell == kTfLiteFloat32) {
    data->cell_state_info = CreateLstmCellStateInfoFloat(params.cell_clip);
    TF_LITE_ENSURE_STATUS(PrepareGateParametersFloat(context, tensors, data));
  } else {
    TF_LITE_ENSURE_STATUS(CheckInteger(tensors));
    data->cell_state_info =
        CreateLstmCellStateInfo(tensors.CellStateTensor()->params.scale, params.cell_clip);
    TF_LITE_ENSURE_STATUS(PrepareGateParametersInteger(context, tensors, data));
  }
  const size_t bytes = data->size_info.batch_size * data->size_info.state_dimension *
                       (cell == kTfLiteFloat32 ? sizeof(float) : sizeof(int16_t));
  for (int &index : data->buffer_indices) {
    TF_LITE_ENSURE_STATUS(context->RequestScratchBufferInArena(context, bytes, &index));
  }
  return kTfLiteOk;
}

template <unsigned held>
TfLiteStatus Prepare(TfLiteContext *context, TfLiteNode *node) {
  return PrepareTypes(context, node, held);
}

template <unsigned held>
TfLiteStatus Invoke(TfLiteContext *context, TfLiteNode *node) {
  const auto &data = *static_cast<const OpDataLSTM *>(node->user_data);
  LSTMKernelContents tensors = CreateLSTMKernelContent(context, node);
  const auto type_of = [&](int index) { return tensors.GetInternalTensor(index)->type; };
  const unsigned needed =
      held & Needed(type_of(kLstmInputTensor), type_of(kLstmInputToForgetWeightsTensor),
                    type_of(kLstmForgetGateBiasTensor), type_of(kLstmCellStateTensor));
  if constexpr ((held & kFloat32) != 0) {
    if (needed == kFloat32) {
      return EvalLstm<float, float, float, float>(
          data, tensors, CreateLSTMBuffers<float>(context, data.buffer_indices));
    }
  }
  const auto buffers = CreateLSTMBuffers<int16_t>(context, data.buffer_indices);
  if constexpr ((held & kInt8) != 0) {
    if (needed == kInt8) {
      return EvalLstm<int8_t, int8_t, int16_t, int32_t>(data, tensors, buffers);
    }
  }
  if constexpr ((held & kInt16) != 0) {
    if (needed == kInt16) {
      return EvalLstm<int16_t, int8_t, int16_t, int64_t>(data, tensors, buffers);
    }
  }
  return kTfLiteError;
}

template <unsigned held>
TFLMRegistration Register() {
  return micro::RegisterOp(Init, Prepare<held>, Invoke<held>);
}

}  // namespace

TFLMRegistration Register_UNIDIRECTIONAL_SEQUENCE_LSTM() {
  return Register<kFloat32 | kInt8 | kInt16>();
}
// Declared in the tree's unidirectional_sequence_lstm.h, which lacks an include of its own.
TFLMRegistration Register_UNIDIRECTIONAL_SEQUENCE_LSTM_INT8() {
  return Register<kInt8>();
}

}  // namespace tflite
