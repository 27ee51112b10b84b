#ifndef HIL_TFLM_GENERATION_2024_REFERENCE_PREPARE_H
#define HIL_TFLM_GENERATION_2024_REFERENCE_PREPARE_H

// Checks that the prepare functions of the reference kernels share. The tree's reference headers
// check types and shapes by TFLITE_DCHECK, which this build evaluates and ignores: a node that
// they have no arithmetic for must not reach them.

#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/kernels/kernel_util.h"
#include "tensorflow/lite/micro/micro_context.h"
#include "tensorflow/lite/micro/micro_log.h"

namespace tflite {
namespace reference_kernels {

// The arithmetic that a registration holds; a typed registration leaves the rest out of flash.
// The names give the type of the activations, kInt4 that of the weights of int8 activations.
constexpr unsigned kFloat32 = 1;
constexpr unsigned kInt8 = 2;
constexpr unsigned kInt4 = 4;
constexpr unsigned kInt16 = 8;         // no bias, or a bias of int64
constexpr unsigned kInt16Bias32 = 16;  // a bias of int32
constexpr unsigned kInt32 = 32;
constexpr unsigned kInt64 = 64;

// A tensor with its quantization, for the time of prepare; null where the node leaves it out.
class ScaledTensor {
 public:
  static ScaledTensor Input(TfLiteContext *context, const TfLiteNode *node, int index) {
    MicroContext *owner = GetMicroContext(context);
    return ScaledTensor(owner, owner->AllocateTempInputTensor(node, index));
  }
  static ScaledTensor Output(TfLiteContext *context, const TfLiteNode *node) {
    MicroContext *owner = GetMicroContext(context);
    return ScaledTensor(owner, owner->AllocateTempOutputTensor(node, 0));
  }
  ~ScaledTensor() {
    if (tensor_ != nullptr) owner_->DeallocateTempTfLiteTensor(tensor_);
  }
  ScaledTensor(const ScaledTensor &) = delete;
  ScaledTensor &operator=(const ScaledTensor &) = delete;

  TfLiteTensor *get() const { return tensor_; }
  TfLiteTensor *operator->() const { return tensor_; }

 private:
  ScaledTensor(MicroContext *owner, TfLiteTensor *tensor) : owner_(owner), tensor_(tensor) {}
  MicroContext *owner_;
  TfLiteTensor *tensor_;
};

inline TfLiteStatus Refuse(const char *kernel, const char *reason) {
  MicroPrintf("%s: %s", kernel, reason);
  return kTfLiteError;
}

// Refuses a node whose types the registration holds no arithmetic for; `c` may be null.
inline TfLiteStatus RefuseTypes(const char *kernel, const TfLiteEvalTensor *a,
                                const TfLiteEvalTensor *b, const TfLiteEvalTensor *c,
                                const TfLiteEvalTensor *output) {
  MicroPrintf("%s: no arithmetic for inputs of %s, %s, %s and an output of %s", kernel,
              TfLiteTypeGetName(a->type), b == nullptr ? "none" : TfLiteTypeGetName(b->type),
              c == nullptr ? "none" : TfLiteTypeGetName(c->type), TfLiteTypeGetName(output->type));
  return kTfLiteError;
}

// The headers clamp; they compute no other activation and ignore one that is asked for.
inline bool IsClamp(TfLiteFusedActivation activation) {
  return activation == kTfLiteActNone || activation == kTfLiteActRelu ||
         activation == kTfLiteActReluN1To1 || activation == kTfLiteActRelu6;
}

// Whether the tensor has this number of dimensions.
inline bool HasRank(const TfLiteEvalTensor *tensor, int rank) {
  return tensor->dims != nullptr && tensor->dims->size == rank;
}

inline int Elements(const TfLiteEvalTensor *tensor) {
  int product = 1;
  for (int i = 0; i < tensor->dims->size; ++i) product *= tensor->dims->data[i];
  return product;
}

}  // namespace reference_kernels
}  // namespace tflite

#endif  // HIL_TFLM_GENERATION_2024_REFERENCE_PREPARE_H
