#ifndef HIL_TFLM_GENERATION_2024_REFERENCE_BINARY_H
#define HIL_TFLM_GENERATION_2024_REFERENCE_BINARY_H

// What ADD and MUL share: two inputs that are broadcast to one output.

#include "prepare.h"

namespace tflite {
namespace reference_kernels {

// The tensors of a node as the headers take them.
struct Binary {
  const TfLiteEvalTensor *a, *b;
  TfLiteEvalTensor *output;

  Binary(const TfLiteContext *context, const TfLiteNode *node)
      : a(micro::GetEvalInput(context, node, 0)),
        b(micro::GetEvalInput(context, node, 1)),
        output(micro::GetEvalOutput(context, node, 0)) {}

  // The one arithmetic that these types have, or 0.
  unsigned Needed() const {
    if (a->type != output->type || b->type != output->type) return 0;
    switch (output->type) {
      case kTfLiteFloat32:
        return kFloat32;
      case kTfLiteInt8:
        return kInt8;
      case kTfLiteInt16:
        return kInt16;
      case kTfLiteInt32:
        return kInt32;
      case kTfLiteInt64:
        return kInt64;
      default:
        return 0;
    }
  }

  bool IsQuantized() const { return (Needed() & (kInt8 | kInt16)) != 0; }

  // Whether one input is repeated.
  bool IsBroadcast() const { return !micro::HaveSameShapes(a, b); }

  // Whether a and b, broadcast, have the output's shape, of at most the 6 dimensions that the
  // broadcasting loops have room for.
  bool Fits() const {
    const TfLiteIntArray &x = *a->dims, &y = *b->dims, &whole = *output->dims;
    if (whole.size > 6 || x.size > whole.size || y.size > whole.size) return false;
    for (int back = 1; back <= whole.size; ++back) {
      const int m = back > x.size ? 1 : x.data[x.size - back];
      const int n = back > y.size ? 1 : y.data[y.size - back];
      if (m != n && m != 1 && n != 1) return false;
      if (whole.data[whole.size - back] != (m == 1 ? n : m)) return false;
    }
    return true;
  }

  // Calls kernel(shape of a, a, shape of b, b, shape of output, output).
  template <typename Value, typename Kernel>
  void Apply(const Kernel &kernel) const {
    kernel(micro::GetTensorShape(a), micro::GetTensorData<Value>(a), micro::GetTensorShape(b),
           micro::GetTensorData<Value>(b), micro::GetTensorShape(output),
           micro::GetTensorData<Value>(output));
  }
};

// Checks types, activation, shapes and scales.
inline TfLiteStatus CheckBinary(TfLiteContext *context, TfLiteNode *node, const char *kernel,
                                unsigned held, TfLiteFusedActivation activation) {
  const Binary of(context, node);
  if (of.a == nullptr || of.b == nullptr) return Refuse(kernel, "an input is missing");
  if ((of.Needed() & held) == 0) return RefuseTypes(kernel, of.a, of.b, nullptr, of.output);
  if (!IsClamp(activation)) return Refuse(kernel, "no such fused activation");
  if (!of.Fits()) return Refuse(kernel, "shapes do not broadcast to the output's");

  const ScaledTensor a = ScaledTensor::Input(context, node, 0),
                     b = ScaledTensor::Input(context, node, 1);
  const ScaledTensor output = ScaledTensor::Output(context, node);
  const bool scaled = a->params.scale > 0 && b->params.scale > 0 && output->params.scale > 0;
  if (of.IsQuantized() && !scaled) return Refuse(kernel, "an integer tensor has no scale");
  const bool symmetric = a->params.zero_point == 0 && b->params.zero_point == 0;
  if (of.Needed() == kInt16 && !(symmetric && output->params.zero_point == 0)) {
    return Refuse(kernel, "int16 values with a zero point");
  }
  if (!of.IsQuantized() && of.Needed() != kFloat32 &&
      (a->params.scale > 0 || b->params.scale > 0 || output->params.scale > 0)) {
    return Refuse(kernel, "int32 and int64 values are taken without a scale");
  }
  return kTfLiteOk;
}

}  // namespace reference_kernels
}  // namespace tflite

#endif  // HIL_TFLM_GENERATION_2024_REFERENCE_BINARY_H
