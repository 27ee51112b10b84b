"""A model as C source for a firmware of one's own: array, header and operator resolver.

The array is the 'Microcontrollers format' of TensorFlow's guides (`xxd -i`), aligned as TFLM wants.
"""

from __future__ import annotations

import re

from hil.errors import ConfigError, UnsupportedModel
from hil.model.c_words import RESERVED
from hil.model.info import ModelInfo, TensorInfo
from hil.model.recognise import made_for
from hil.model.whole_model import CONTROL_FLOW
from hil.model.words import counted
from hil.tflm.additions import additions
from hil.tflm.source import TflmSource

BYTES_PER_LINE = 12
ALIGNMENT = 16


def export_c(model: ModelInfo, name: str, tflm: TflmSource) -> dict[str, str]:
    """File names and texts: `NAME.h`, `NAME.c`, `NAME_resolver.h`, the last for trees like `tflm`.

    Raises ConfigError when `name` is no C identifier or a word of C or C++, UnsupportedModel when
    the tree lacks an operator or does not run several subgraphs.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ConfigError(
            f"{name!r} is no name for a C array", hint="letters, digits and _, no digit first"
        )
    if name in RESERVED:
        raise ConfigError(
            f"{name!r} is a word of C or C++", hint=f"another name, as in model_{name}"
        )
    _check_operators(model, tflm)
    return {
        f"{name}.h": _header(model, name),
        f"{name}.c": _array(model, name),
        f"{name}_resolver.h": _resolver(model, name, tflm),
    }


def _check_operators(model: ModelInfo, tflm: TflmSource) -> None:
    title = tflm.generation.title
    missing = [each for each in model.operator_names if each not in tflm.operators]
    finding = made_for(model)
    if missing and finding is not None:
        raise UnsupportedModel(
            f"the model is {finding.reason}, TFLM {title} has no kernel for {', '.join(missing)}",
            hint=finding.remedy,
        )
    if missing:
        remedies = tflm.generation.rules.instead_of
        known = {name: remedies[name] for name in missing if name in remedies}
        raise UnsupportedModel(
            f"TFLM {title} has no kernel for {', '.join(missing)}",
            hint="; ".join(f"{name}: {remedy}" for name, remedy in known.items()),
        )
    if model.subgraphs != 1 and CONTROL_FLOW.isdisjoint(tflm.operators):
        raise UnsupportedModel(
            f"the model has {model.subgraphs} subgraphs, TFLM {title} runs 1",
            hint="hil model fix keeps the first alone, where it calls no other",
        )


def c_identifier(text: str) -> str:
    """`text` with what C does not allow in a name replaced by `_`, and no word of the language."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", text)
    is_taken = not name or name[0].isdigit() or name in RESERVED
    return f"model_{name}" if is_taken else name


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


def _resolver(model: ModelInfo, name: str, tflm: TflmSource) -> str:
    guard = f"{name.upper()}_RESOLVER_H"
    added = additions(model, tflm)
    versions = {each.operator.name: 0 for each in added}
    for operator in model.all_operators:
        versions[operator.name] = max(versions[operator.name], operator.version)
    lines = [
        f"// The {len(added)} operators of {name}, and nothing else, for its interpreter.",
        "//",
        *(f"//   {operator} (version {version})" for operator, version in versions.items()),
        "//",
        f"// Written for TensorFlow Lite Micro {tflm.generation.title}, {tflm.origin}.",
        *_variables(model),
        "//",
        f"//   tflite::MicroMutableOpResolver<{name}_operators> resolver;",
        f"//   if ({name}_add_operators(resolver) != kTfLiteOk) {{ ... }}",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        *(f'#include "{header}"' for header in tflm.generation.resolver_headers),
        "",
        f"constexpr unsigned int {name}_operators = {len(added)};",
        "",
        "// Adds them; anything but kTfLiteOk means that the resolver is too small.",
        "template <unsigned int kOperators>",
        f"TfLiteStatus {name}_add_operators(",
        "    tflite::MicroMutableOpResolver<kOperators> &resolver) {",
        *(f"  if ({each.expression} != kTfLiteOk) return kTfLiteError;" for each in added),
        "  return kTfLiteOk;",
        "}",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _variables(model: ModelInfo) -> list[str]:
    """What the interpreter needs for a model that keeps variables."""
    count = len(model.resource_variables)
    if not count:
        return []
    return [
        f"// The model keeps {counted(count, 'variable')}: its interpreter needs",
        f"// tflite::MicroResourceVariables::Create(allocator, {count}).",
    ]
