"""A model as C source for a firmware of one's own: array, header and operator resolver.

The array is the 'Microcontrollers format' of TensorFlow's guides (`xxd -i`), aligned as TFLM wants.
"""

from __future__ import annotations

import re

from hil.errors import ConfigError, UnsupportedModel
from hil.model.c_words import RESERVED
from hil.model.info import ModelInfo, TensorInfo

BYTES_PER_LINE = 12
ALIGNMENT = 16
# A tree of this time has no method for each operator; see the generated comment.
OLD_TREE_MACRO = "TFLM_2020"

# Names of MicroMutableOpResolver's methods that do not follow from the operator's own.
METHODS = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def export_c(model: ModelInfo, name: str) -> dict[str, str]:
    """File names and texts: `NAME.h`, `NAME.c`, `NAME_resolver.h`.

    Raises ConfigError when `name` is no C identifier or a word of C or C++, UnsupportedModel when
    its operators are not all in sight (several subgraphs, custom operators).
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError(
            f"{name!r} is no name for a C array", hint="letters, digits and _, no digit first"
        )
    if name in RESERVED:
        raise ConfigError(
            f"{name!r} is a word of C or C++", hint=f"another name, as in model_{name}"
        )
    if model.subgraphs != 1:
        raise UnsupportedModel(
            f"the model has {model.subgraphs} subgraphs: its resolver cannot be written",
            hint="remove control flow (IF, WHILE, CALL_ONCE) from it",
        )
    custom = sorted({operator.name for operator in model.all_operators if operator.is_custom})
    if custom:
        raise UnsupportedModel(
            f"custom operators have no resolver method: {', '.join(custom)}",
            hint="express them with built-in operators",
        )
    return {
        f"{name}.h": _header(model, name),
        f"{name}.c": _array(model, name),
        f"{name}_resolver.h": _resolver(model, name),
    }


def c_identifier(text: str) -> str:
    """`text` with what C does not allow in a name replaced by `_`, and no word of the language."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    is_taken = not name or name[0].isdigit() or name in RESERVED
    return f"model_{name}" if is_taken else name


def resolver_method(operator: str) -> str:
    """The method of MicroMutableOpResolver that adds a built-in operator of the schema."""
    words = (word if word == "2D" else word.capitalize() for word in operator.split("_"))
    return METHODS.get(operator, "Add" + "".join(words))


def _header(model: ModelInfo, name: str) -> str:
    guard = f"{name.upper()}_H"
    tensors = [
        f"// {role} {index}: {_tensor_text(tensor)}"
        for role, group in (("input", model.input_tensors), ("output", model.output_tensors))
        for index, tensor in enumerate(group)
    ]
    lines = [
        f"// {name}: {model.scheme.value} model for TensorFlow Lite Micro.",
        f"// sha256 {model.sha256}",
        *tensors,
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"// The .tflite file, aligned to {ALIGNMENT} bytes; it stays in flash.",
        f"extern const unsigned char {name}[{model.file_bytes}];",
        f"extern const unsigned int {name}_len;",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _tensor_text(tensor: TensorInfo) -> str:
    shape = " x ".join(str(size) for size in tensor.shape) or "scalar"
    text = f"{tensor.type.lower()} {shape}"
    if tensor.scales:
        zero_point = tensor.zero_points[0] if tensor.zero_points else 0
        text += f", real value = {tensor.scales[0]:.9g} * (q - {zero_point})"
    return text


def _array(model: ModelInfo, name: str) -> str:
    rows = [
        "  " + " ".join(f"0x{byte:02x}," for byte in model.content[start : start + BYTES_PER_LINE])
        for start in range(0, model.file_bytes, BYTES_PER_LINE)
    ]
    lines = [
        f'#include "{name}.h"',
        "",
        "#if defined(__cplusplus)",
        f"#define MODEL_ALIGNED alignas({ALIGNMENT})",
        "#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L",
        f"#define MODEL_ALIGNED _Alignas({ALIGNMENT})",
        "#else",
        f"#define MODEL_ALIGNED __attribute__((aligned({ALIGNMENT})))",
        "#endif",
        "",
        f"MODEL_ALIGNED const unsigned char {name}[{model.file_bytes}] = {{",
        *rows,
        "};",
        f"const unsigned int {name}_len = {model.file_bytes};",
        "",
    ]
    return "\n".join(lines)


def _resolver(model: ModelInfo, name: str) -> str:
    guard = f"{name.upper()}_RESOLVER_H"
    versions = {operator.name: 0 for operator in model.operators}
    for operator in model.operators:
        versions[operator.name] = max(versions[operator.name], operator.version)
    names = sorted(versions)
    lines = [
        f"// The {len(names)} operators of {name}, and nothing else, for its interpreter.",
        "//",
        *(f"//   {operator} (version {versions[operator]})" for operator in names),
        "//",
        "// As it stands this is for today's TensorFlow Lite Micro, whose resolver has a method",
        f"// for each operator. For a tree of mid-2020 or older define {OLD_TREE_MACRO}.",
        "//",
        f"//   tflite::MicroMutableOpResolver<{name}_operators> resolver;",
        f"//   if ({name}_add_operators(resolver) != kTfLiteOk) {{ ... }}",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        '#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"',
        f"#ifdef {OLD_TREE_MACRO}",
        '#include "tensorflow/lite/micro/kernels/micro_ops.h"',
        "#endif",
        "",
        f"constexpr unsigned int {name}_operators = {len(names)};",
        "",
        "// Adds them; anything but kTfLiteOk means that the resolver is too small.",
        "template <unsigned int kOperators>",
        f"TfLiteStatus {name}_add_operators(",
        "    tflite::MicroMutableOpResolver<kOperators> &resolver) {",
        f"#ifdef {OLD_TREE_MACRO}",
        *(_statement(_add_builtin(operator)) for operator in names),
        "#else",
        *(_statement(f"resolver.{resolver_method(operator)}()") for operator in names),
        "#endif",
        "  return kTfLiteOk;",
        "}",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _statement(call: str) -> str:
    return f"  if ({call} != kTfLiteOk) return kTfLiteError;"


def _add_builtin(operator: str) -> str:
    """The call that a tree of mid-2020 has. Its kernels do not look at versions."""
    return (
        f"resolver.AddBuiltin(tflite::BuiltinOperator_{operator}, "
        f"tflite::ops::micro::Register_{operator}(), tflite::MicroOpResolverAnyVersion())"
    )
