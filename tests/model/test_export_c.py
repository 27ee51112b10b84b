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
from hil.model.export_c import c_identifier, export_c
from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from hil.tflm.locate import locate_tflm
from hil.tflm.source import TflmSource
from tests import models
from tests.model.data import stored
from tests.models import Model, Operator, Tensor

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler for the host")

COMPILE_TIMEOUT_S = 300


@pytest.fixture
def exported(digits_int8: ModelInfo, tflm_2020: TflmSource, tmp_path: Path) -> Path:
    return export(digits_int8, tflm_2020, tmp_path)


def export(model: ModelInfo, tflm: TflmSource, folder: Path) -> Path:
    for name, text in export_c(model, "digits", tflm).items():
        (folder / name).write_text(text)
    return folder


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
    assert text.count("resolver.Add") == len(listed)
    assert "digits_operators = 6;" in text


@pytest.fixture(params=["2020", "2024"])
def tree(request: pytest.FixtureRequest) -> TflmSource:
    """The pinned tree of each generation."""
    return locate_tflm(request.param)


def test_2024_gets_typed_registrations(
    digits_int8: ModelInfo, tflm_2024: TflmSource, tmp_path: Path
) -> None:
    text = (export(digits_int8, tflm_2024, tmp_path) / "digits_resolver.h").read_text()
    assert "resolver.AddConv2D(tflite::Register_CONV_2D_INT8())" in text
    assert "AddBuiltin" not in text


LOG_2020 = 'extern "C" void DebugLog(const char *text) { fputs(text, stderr); }'
LOG_2024 = """
extern "C" void DebugLog(const char *format, va_list arguments) {
  vfprintf(stderr, format, arguments);
}
extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list arguments) {
  return vsnprintf(buffer, size, format, arguments);
}
"""
PROGRAM = """
#include <stdarg.h>
#include <stdio.h>

#include "digits.h"
#include "digits_resolver.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"
#ifdef OF_2020
#include "tensorflow/lite/micro/micro_error_reporter.h"
#define REPORTER , &reporter
static tflite::MicroErrorReporter reporter;
static tflite::MicroMutableOpResolver<digits_operators> resolver(&reporter);
static tflite::MicroMutableOpResolver<digits_operators - 1> small(&reporter);
#else
#define REPORTER
static tflite::MicroMutableOpResolver<digits_operators> resolver;
static tflite::MicroMutableOpResolver<digits_operators - 1> small;
#endif

LOG

alignas(16) static uint8_t arena[1 << 16];

int main() {
  if (digits_add_operators(small) == kTfLiteOk) return 4;
  if (digits_add_operators(resolver) != kTfLiteOk) return 1;
  const tflite::Model *model = tflite::GetModel(digits);
  tflite::MicroInterpreter interpreter(model, resolver, arena, sizeof arena REPORTER);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 2;
  TfLiteTensor *input = interpreter.input(0), *output = interpreter.output(0);
  while (fread(input->data.raw, 1, input->bytes, stdin) == input->bytes) {
    if (interpreter.Invoke() != kTfLiteOk) return 3;
    fwrite(output->data.raw, 1, output->bytes, stdout);
  }
  return 0;
}
"""


def compiler_flags(tree: TflmSource, folder: Path) -> list[str]:
    """What the tree wants of whoever includes its headers, both files compiled as C++."""
    generation = tree.generation
    old = ["OF_2020"] if generation.name == "2020" else []
    (folder / "main.cc").write_text(PROGRAM.replace("LOG", LOG_2020 if old else LOG_2024))
    includes = [f"-I{path}" for path in (folder, *(tree.root / d for d in generation.include_dirs))]
    defines = [f"-D{name}" for name in (*generation.defines, "NDEBUG", *old)]
    standard = f"-std=c++{generation.standard}"
    return [*includes, *defines, "-x", "c++", standard, "-O1", "-w", "-fpermissive"]


@pytest.mark.toolchain
def test_array_and_resolver_run_with_the_real_tree(
    tree: TflmSource, digits_int8: ModelInfo, tmp_path: Path
) -> None:
    folder = export(digits_int8, tree, tmp_path)
    flags = [*compiler_flags(tree, folder), "-funsigned-char"]
    program, objects = folder / "runs", HostBuilder(tree).objects(digits_int8)
    own = (folder / "main.cc", folder / "digits.c")
    compile_("g++", *flags, *own, "-x", "none", *objects, "-o", program)
    inputs = random_vectors(digits_int8, 20, 3).inputs
    done = subprocess.run([program], input=inputs[0].tobytes(), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    outputs = np.frombuffer(done.stdout, np.int8).reshape(20, 1, 10)
    reference = ChildReference(ReferenceName.TFLM)
    expected = reference.run(digits_int8, inputs).outputs[0]
    reference.close()
    assert np.array_equal(outputs, expected)


@pytest.mark.toolchain
@pytest.mark.parametrize("file", ["main.cc", "digits.c"])
def test_array_and_resolver_compile_for_the_board(
    tree: TflmSource, digits_int8: ModelInfo, tmp_path: Path, file: str
) -> None:
    folder = export(digits_int8, tree, tmp_path)
    flags = [*compiler_flags(tree, folder), "-mcpu=cortex-m7", "-mthumb", "-fno-exceptions"]
    compile_("arm-none-eabi-g++", *flags, "-c", folder / file, "-o", folder / f"{file}.o")


def test_what_the_tree_lacks_is_refused(tree: TflmSource) -> None:
    """No TFLM has TILE."""
    with pytest.raises(UnsupportedModel, match="has no kernel for TILE"):
        export_c(stored("k_up_nearest_int8"), "m", tree)


def test_a_compiled_file_is_for_trees_with_its_operator(
    tflm_2020: TflmSource, tflm_2024: TflmSource
) -> None:
    model = stored("ethosu")
    with pytest.raises(UnsupportedModel, match="compiled for Ethos-U") as failed:
        export_c(model, "m", tflm_2020)
    assert "before Vela" in failed.value.hint
    assert "resolver.AddEthosU()" in export_c(model, "m", tflm_2024)["m_resolver.h"]


@pytest.mark.parametrize(
    ("text", "name"), [("har-v1.2", "har_v1_2"), ("8bit", "model_8bit"), ("", "model_")]
)
def test_file_names_become_c_names(text: str, name: str) -> None:
    assert c_identifier(text) == name


@pytest.mark.parametrize("name", ["8bit", "a-b", "", "a b", 'a"b', "é"])
def test_what_c_does_not_take_for_a_name_is_refused(
    digits_int8: ModelInfo, tflm_2020: TflmSource, name: str
) -> None:
    with pytest.raises(ConfigError, match="is no name for a C array"):
        export_c(digits_int8, name, tflm_2020)


def test_unknown_custom_operators_are_refused(tree: TflmSource) -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    operator = Operator("CUSTOM", (0,), (1,), custom_name="Magic")
    content = models.write(Model(tensors, [operator], (0,), (1,)))
    with pytest.raises(UnsupportedModel, match="Magic"):
        export_c(parse_model(content, "m"), "m", tree)


def test_several_subgraphs_are_refused_where_only_one_runs(tflm_2020: TflmSource) -> None:
    tensors = [Tensor("FLOAT32", (1, 4)) for _ in range(2)]
    model = Model(tensors, [Operator("RELU", (0,), (1,))], (0,), (1,), subgraphs=2)
    with pytest.raises(UnsupportedModel, match="2 subgraphs"):
        export_c(parse_model(models.write(model), "m"), "m", tflm_2020)


@pytest.mark.parametrize("compiler", ["gcc -std=gnu11", "g++ -x c++ -std=gnu++20"])
def test_models_named_like_a_word_of_the_language_compile(
    digits_int8: ModelInfo, tflm_2020: TflmSource, tmp_path: Path, compiler: str
) -> None:
    for word in ("default", "class", "linux", "co_await", "restrict"):
        name = c_identifier(word)
        for file, text in export_c(digits_int8, name, tflm_2020).items():
            (tmp_path / file).write_text(text)
        output = tmp_path / f"{word}.o"
        compile_(*compiler.split(), "-Werror", "-c", tmp_path / f"{name}.c", "-o", output)


def test_no_array_is_named_by_a_word_of_the_language(
    digits_int8: ModelInfo, tflm_2020: TflmSource
) -> None:
    for word in RESERVED:
        assert c_identifier(word) == f"model_{word}"
        with pytest.raises(ConfigError, match="is a word of C"):
            export_c(digits_int8, word, tflm_2020)
