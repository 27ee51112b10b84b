"""A TFLM tree whose kernels can be made wrong while they run, for tests only.

Fifteen faults are compiled in; the variable `hil_fault` in RAM says which one is on, 0 for none.
It starts with INITIAL_FAULT.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.tflm.generation import MICRO
from hil.tflm.kernels import PORTABLE_OPTIMIZED
from hil.tflm.source import SOURCE_SUFFIXES, TflmSource

SYMBOL = "hil_fault"
KERNELS = PORTABLE_OPTIMIZED  # whose place the faulty kernels take
LITE = "tensorflow/lite"
INTEGER_OPS = "kernels/internal/reference/integer_ops"
INITIAL_FAULT = 2
SWITCH = f'extern "C" volatile int hil_fault;\nvolatile int hil_fault = {INITIAL_FAULT};\n'
DECLARATION = 'extern "C" volatile int hil_fault;\n'
# The second of the two roundings is left out: the shift cuts off instead.
CUT_OFF = """
#define HIL_CUT_OFF(x, multiplier, shift)                                          \\
  (gemmlowp::SaturatingRoundingDoublingHighMul(                                    \\
       (x) * (1 << ((shift) > 0 ? (shift) : 0)), static_cast<int32>(multiplier)) >> \\
   ((shift) > 0 ? 0 : -(shift)))
"""


@dataclass(frozen=True)
class Fault:
    """One fault: `number` switches it on, in the operator of that name."""

    number: int
    operator: str
    kind: str


KINDS = ("rounding removed", "offset wrong", "channel off")
OPERATORS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX", "AVERAGE_POOL_2D")
FAULTS = tuple(
    Fault(3 * place + kind + 1, operator, KINDS[kind])
    for place, operator in enumerate(OPERATORS)
    for kind in range(len(KINDS))
)

# (kernel, header, its old and new texts) with {r}, {o}, {c} for the numbers of the three faults;
# each old text is replaced where it first occurs.
_MULTIPLY_PER_CHANNEL = (
    "acc = MultiplyByQuantizedMultiplier(\n              acc, output_multiplier[out_channel], "
    "output_shift[out_channel]);"
)
_EDITS: dict[str, tuple[str, str, tuple[tuple[str, str], ...]]] = {
    "CONV_2D": (
        "conv",
        f"{INTEGER_OPS}/conv.h",
        (
            (
                _MULTIPLY_PER_CHANNEL,
                "acc = hil_fault == {r} ? HIL_CUT_OFF(acc, output_multiplier[out_channel], "
                "output_shift[out_channel]) : MultiplyByQuantizedMultiplier(acc, "
                "output_multiplier[out_channel], output_shift[out_channel]);",
            ),
            ("(input_val + input_offset)", "(input_val + input_offset + (hil_fault == {o}))"),
            (
                "acc += bias_data[out_channel];",
                "acc += bias_data[hil_fault == {c} && out_channel == 1 ? 0 : out_channel];",
            ),
        ),
    ),
    "DEPTHWISE_CONV_2D": (
        "depthwise_conv",
        f"{INTEGER_OPS}/depthwise_conv.h",
        (
            (
                "acc = MultiplyByQuantizedMultiplier(\n                acc, "
                "output_multiplier[output_channel],\n                "
                "output_shift[output_channel]);",
                "acc = hil_fault == {r} ? HIL_CUT_OFF(acc, output_multiplier[output_channel], "
                "output_shift[output_channel]) : MultiplyByQuantizedMultiplier(acc, "
                "output_multiplier[output_channel], output_shift[output_channel]);",
            ),
            ("(input_val + input_offset)", "(input_val + input_offset + (hil_fault == {o}))"),
            (
                "acc += bias_data[output_channel];",
                "acc += bias_data[hil_fault == {c} && output_channel == 1 ? 0 : output_channel];",
            ),
        ),
    ),
    "FULLY_CONNECTED": (
        "fully_connected",
        f"{INTEGER_OPS}/fully_connected.h",
        (
            (
                "acc = MultiplyByQuantizedMultiplier(acc, output_multiplier, output_shift);",
                "acc = hil_fault == {r} ? HIL_CUT_OFF(acc, output_multiplier, output_shift) : "
                "MultiplyByQuantizedMultiplier(acc, output_multiplier, output_shift);",
            ),
            ("(input_val + input_offset)", "(input_val + input_offset + (hil_fault == {o}))"),
            (
                "acc += bias_data[out_c];",
                "acc += bias_data[hil_fault == {c} && out_c == 1 ? 0 : out_c];",
            ),
        ),
    ),
    "SOFTMAX": (
        "softmax",
        "kernels/internal/reference/softmax.h",
        (
            (
                "int32 unsat_output = gemmlowp::RoundingDivideByPOT(\n"
                "            (shifted_scale * exp_in_0).raw(),\n"
                "            num_bits_over_unit + 31 - (sizeof(OutputT) * 8));",
                "const int hil_bits = num_bits_over_unit + 31 - (sizeof(OutputT) * 8);\n"
                "const int32 hil_raw = (shifted_scale * exp_in_0).raw();\n"
                "int32 unsat_output = hil_fault == {r} ? hil_raw >> hil_bits : "
                "gemmlowp::RoundingDivideByPOT(hil_raw, hil_bits);",
            ),
            ("unsat_output +\n", "unsat_output + (hil_fault == {o}) +\n"),
            (
                "FixedPoint0 exp_in_0 = exp_on_negative_values(scaled_diff_f8);",
                "FixedPoint0 exp_in_0 = exp_on_negative_values(hil_fault == {c} && c == 1 ? "
                "FixedPointScaledDiff::FromRaw(input_diff_rescaled / 2) : scaled_diff_f8);",
            ),
        ),
    ),
    "AVERAGE_POOL_2D": (
        "pooling",
        f"{INTEGER_OPS}/pooling.h",
        (
            (
                "acc = acc > 0 ? (acc + filter_count / 2) / filter_count",
                "acc = hil_fault == {r} ? acc / filter_count : acc > 0 ? "
                "(acc + filter_count / 2) / filter_count",
            ),
            (
                "// Round to the closest integer value.",
                "if (hil_fault == {o}) acc += filter_count;",
            ),
            (
                "input_data[Offset(input_shape, batch, in_y, in_x, channel)];",
                "input_data[Offset(input_shape, batch, in_y, in_x, "
                "hil_fault == {c} && channel == 1 ? 0 : channel)];",
            ),
        ),
    ),
}


def copy_tree(original: TflmSource, folder: Path, *, without: Path | None = None) -> TflmSource:
    """The tree's sources in `folder` as links, but for those directly in `without`."""
    for path in original.root.rglob("*"):
        copy = folder / path.relative_to(original.root)
        if path.suffix in SOURCE_SUFFIXES and path.is_file() and copy.parent != without:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    return TflmSource(folder, f"copy of {original.origin}", original.generation)


def make_faulty_tree(original: TflmSource, folder: Path) -> TflmSource:
    """A copy of the tree's sources in `folder`.

    Its kernel library KERNELS is the reference one with all faults in it.
    """
    kernels = folder / MICRO / "kernels" / KERNELS
    copy_tree(original, folder, without=kernels)
    kernels.mkdir()
    for place, operator in enumerate(OPERATORS):
        kernel, header, edits = _EDITS[operator]
        faulty_header = f"{MICRO}/kernels/{KERNELS}/faulty_{kernel}.h"
        source = (original.root / MICRO / "kernels" / f"{kernel}.cc").read_text()
        assert f'"{LITE}/{header}"' in source
        source = source.replace(f'"{LITE}/{header}"', f'"{faulty_header}"')
        (kernels / f"{kernel}.cc").write_text(source)
        text = (original.root / LITE / header).read_text()
        (folder / faulty_header).write_text(_with_faults(text, edits, place))
    (kernels / "faults.cc").write_text(SWITCH)
    return TflmSource(folder, "faulty kernels", original.generation)


def _with_faults(text: str, edits: tuple[tuple[str, str], ...], place: int) -> str:
    """The header with the faults of one operator."""
    numbers = dict(zip("roc", range(3 * place + 1, 3 * place + 4), strict=True))
    for old, new in edits:
        assert old in text, f"there is no {old!r}"
        for letter, number in numbers.items():
            new = new.replace("{" + letter + "}", str(number))
        text = text.replace(old, new, 1)
    head, _, rest = text.partition("namespace tflite {")
    return f"{head}{DECLARATION}{CUT_OFF}namespace tflite {{{rest}"
