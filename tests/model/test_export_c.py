from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hil.data import random_vectors
from hil.errors import ConfigError, UnsupportedModel
from hil.firmware.host_build import HostBuilder
from hil.model.c_words import RESERVED
from hil.model.export_c import OLD_TREE_MACRO, c_identifier, export_c, resolver_method
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from hil.tflm.source import TflmSource
from tests import models
from tests.models import Model, Operator, Tensor

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler for the host")

COMPILE_TIMEOUT_S = 300


@pytest.fixture
def exported(digits_int8: ModelInfo, tmp_path: Path) -> Path:
    for name, text in export_c(digits_int8, "digits").items():
        (tmp_path / name).write_text(text)
    return tmp_path


def compile_(*command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("compiler", ["gcc -std=c99", "gcc -std=c11", "g++ -x c++ -std=c++11"])
def test_the_compiled_array_is_the_file_aligned(
    exported: Path, digits_int8: ModelInfo, compiler: str
) -> None:
    library = exported / "digits.so"
    flags = ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    compile_(*compiler.split(), *flags, exported / "digits.c", "-o", library)
    loaded = ctypes.CDLL(str(library))
    length = ctypes.c_uint.in_dll(loaded, "digits_len").value
    array = (ctypes.c_ubyte * length).in_dll(loaded, "digits")
    assert bytes(array) == digits_int8.content
    assert ctypes.addressof(array) % 16 == 0


def test_the_header_says_what_goes_in_and_out(exported: Path, digits_int8: ModelInfo) -> None:
    text = (exported / "digits.h").read_text()
    assert f"// sha256 {digits_int8.sha256}" in text
    assert "// input 0: int8 1 x 8 x 8 x 1, real value = 0.00392156886 * (q - -128)" in text
    assert "// output 0: int8 1 x 10, real value = 0.00390625 * (q - -128)" in text


def test_the_resolver_lists_each_operator_once(exported: Path, digits_int8: ModelInfo) -> None:
    text = (exported / "digits_resolver.h").read_text()
    listed = re.findall(r"^//   (\w+) \(version (\d+)\)$", text, re.M)
    assert [name for name, _ in listed] == list(digits_int8.operator_names)
    assert dict(listed)["CONV_2D"] == "3"
    assert text.count("resolver.Add") == 2 * len(listed)
    assert "digits_operators = 6;" in text


def test_the_resolver_compiles_against_todays_method_names(exported: Path) -> None:
    """Against a stand-in with the methods of today's header: its source is in no package here."""
    include = exported / "tensorflow" / "lite" / "micro"
    include.mkdir(parents=True)
    (include / "micro_mutable_op_resolver.h").write_text(
        "enum TfLiteStatus { kTfLiteOk, kTfLiteError };\n"
        "namespace tflite {\n"
        "template <unsigned int kCount> struct MicroMutableOpResolver {\n"
        "  unsigned int added = 0;\n"
        "  TfLiteStatus Add() { return added++ < kCount ? kTfLiteOk : kTfLiteError; }\n"
        + "".join(
            f"  TfLiteStatus Add{name}() {{ return Add(); }}\n"
            for name in (
                "AveragePool2D",
                "Conv2D",
                "DepthwiseConv2D",
                "FullyConnected",
                "MaxPool2D",
                "Reshape",
                "Softmax",
            )
        )
        + "};\n}\n"
    )
    (exported / "main.cc").write_text(
        '#include "digits_resolver.h"\n'
        "int main() {\n"
        "  tflite::MicroMutableOpResolver<digits_operators> resolver;\n"
        "  tflite::MicroMutableOpResolver<digits_operators - 1> small;\n"
        "  return digits_add_operators(resolver) != kTfLiteOk ||\n"
        "         digits_add_operators(small) != kTfLiteError;\n"
        "}\n"
    )
    program = exported / "resolves"
    compile_("g++", "-std=c++11", "-Wall", f"-I{exported}", exported / "main.cc", "-o", program)
    assert subprocess.run([program]).returncode == 0


PROGRAM = """
#include <stdio.h>

#include "digits.h"
#include "digits_resolver.h"
#include "tensorflow/lite/micro/micro_error_reporter.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

extern "C" void DebugLog(const char *text) { fputs(text, stderr); }

alignas(16) static uint8_t arena[1 << 16];

int main() {
  static tflite::MicroErrorReporter reporter;
  static tflite::MicroMutableOpResolver<digits_operators> resolver(&reporter);
  if (digits_add_operators(resolver) != kTfLiteOk) return 1;
  const tflite::Model *model = tflite::GetModel(digits);
  tflite::MicroInterpreter interpreter(model, resolver, arena, sizeof arena, &reporter);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 2;
  TfLiteTensor *input = interpreter.input(0), *output = interpreter.output(0);
  while (fread(input->data.raw, 1, input->bytes, stdin) == input->bytes) {
    if (interpreter.Invoke() != kTfLiteOk) return 3;
    fwrite(output->data.raw, 1, output->bytes, stdout);
  }
  return 0;
}
"""
TFLM_DEFINES = ("TF_LITE_STATIC_MEMORY", "TF_LITE_MCU_DEBUG_LOG", "NDEBUG", OLD_TREE_MACRO)


def compile_with_tflm(folder: Path, tflm: TflmSource, program: Path) -> None:
    """Compiles `folder`'s C++ file, and its C file as C++ too, and links TFLM."""
    downloads = tflm.root / "tensorflow/lite/micro/tools/make/downloads"
    places = (tflm.root, downloads, downloads / "gemmlowp", downloads / "ruy")
    includes = [f"-I{path}" for path in (*places, downloads / "flatbuffers/include", folder)]
    defines = [f"-D{name}" for name in (*TFLM_DEFINES, "GEMMLOWP_ALLOW_SLOW_SCALAR_FALLBACK")]
    flags = ["-x", "c++", "-std=c++11", "-O0", "-w", "-fpermissive", "-funsigned-char"]
    own = (folder / "main.cc", folder / "digits.c")
    objects = HostBuilder(tflm).objects()
    compile_("g++", *flags, *defines, *includes, *own, "-x", "none", *objects, "-o", program)


@pytest.mark.toolchain
def test_array_and_resolver_run_on_the_pinned_tflm(
    exported: Path, digits_int8: ModelInfo, tflm_2020: TflmSource
) -> None:
    (exported / "main.cc").write_text(PROGRAM)
    program = exported / "runs"
    compile_with_tflm(exported, tflm_2020, program)
    inputs = random_vectors(digits_int8, 20, 3).inputs
    done = subprocess.run([program], input=inputs[0].tobytes(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    outputs = np.frombuffer(done.stdout, np.int8).reshape(20, 1, 10)
    reference = ChildReference(ReferenceName.TFLM)
    expected = reference.run(digits_int8, inputs).outputs[0]
    reference.close()
    assert np.array_equal(outputs, expected)


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("CONV_2D", "AddConv2D"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("L2_NORMALIZATION", "AddL2Normalization"),
        ("RESIZE_NEAREST_NEIGHBOR", "AddResizeNearestNeighbor"),
        ("BATCH_TO_SPACE_ND", "AddBatchToSpaceNd"),
        ("SPLIT_V", "AddSplitV"),
        ("PADV2", "AddPadV2"),
        ("CUMSUM", "AddCumSum"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("RELU6", "AddRelu6"),
    ],
)
def test_methods_are_called_as_tflm_calls_them(operator: str, method: str) -> None:
    assert resolver_method(operator) == method


@pytest.mark.parametrize(
    ("text", "name"), [("har-v1.2", "har_v1_2"), ("8bit", "model_8bit"), ("", "model_")]
)
def test_file_names_become_c_names(text: str, name: str) -> None:
    assert c_identifier(text) == name


@pytest.mark.parametrize("name", ["8bit", "a-b", "", "a b", 'a"b', "é"])
def test_what_c_does_not_take_for_a_name_is_refused(digits_int8: ModelInfo, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name for a C array"):
        export_c(digits_int8, name)


def test_custom_operators_are_refused() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    operator = Operator("CUSTOM", (0,), (1,), custom_name="Magic")
    content = models.write(Model(tensors, [operator], (0,), (1,)))
    with pytest.raises(UnsupportedModel, match="Magic"):
        export_c(parse_model(content, "m"), "m")


def test_several_subgraphs_are_refused() -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    model = Model(tensors, [Operator("RELU", (0,), (1,))], (0,), (1,), subgraphs=2)
    with pytest.raises(UnsupportedModel, match="2 subgraphs"):
        export_c(parse_model(models.write(model), "m"), "m")


@pytest.mark.parametrize("compiler", ["gcc -std=gnu11", "g++ -x c++ -std=gnu++20"])
def test_models_named_like_a_word_of_the_language_compile(
    digits_int8: ModelInfo, tmp_path: Path, compiler: str
) -> None:
    for word in ("default", "class", "linux", "co_await", "restrict"):
        name = c_identifier(word)
        for file, text in export_c(digits_int8, name).items():
            (tmp_path / file).write_text(text)
        output = tmp_path / f"{word}.o"
        compile_(*compiler.split(), "-Werror", "-c", tmp_path / f"{name}.c", "-o", output)


def test_no_array_is_named_by_a_word_of_the_language(digits_int8: ModelInfo) -> None:
    for word in RESERVED:
        assert c_identifier(word) == f"model_{word}"
        with pytest.raises(ConfigError, match="is a word of C"):
            export_c(digits_int8, word)
