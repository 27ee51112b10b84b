"""What is suspected of a change."""

from __future__ import annotations

from hil.gate.cause import causes
from hil.gate.quantity import QUANTITIES
from tests.entries import OPERATORS, hardware_entry, make_entry

LATENCY, ARENA, FLASH = (QUANTITIES[n] for n in ("latency.median", "arena.used", "flash.total"))
ENTRY = make_entry()


def slower(**changes: object) -> list[str]:
    other = make_entry(metrics={"latency_median_instructions": 1100.0}, **changes)  # type: ignore[arg-type]
    return list(causes(LATENCY, ENTRY, other))


def test_flags_are_told_by_what_went_and_came() -> None:
    found = slower(subject={"flags": ("-Os", "-DNDEBUG"), "build_id": "x"})
    assert found[0] == "flags: -O2 -> -Os"


def test_another_kernel_library_is_told() -> None:
    assert slower(kernels="portable_optimized")[0] == "kernels: reference -> portable_optimized"


def test_another_tree_and_compiler_are_told() -> None:
    found = slower(
        subject={"tflm_digest": "99", "tflm_origin": "folder mine", "toolchain": "gcc 13"}
    )
    assert found[:2] == [
        "TFLM source: 2020, tfmicro 0.1.0, cc -> folder mine, 99",
        "toolchain: gcc 12 -> gcc 13",
    ]


def test_another_model_is_told_with_its_operators_that_differ() -> None:
    wider = OPERATORS[0].model_copy(update={"shape": (1, 8, 8, 6), "weights_bytes": 60})
    found = slower(subject={"model_sha256": "ff"}, operators=(wider, OPERATORS[1]))
    assert found[0] == "model: aa -> ff"
    assert found[1] == "operator 0 CONV_2D: output 1x8x8x4 -> 1x8x8x6, weights 40 -> 60 bytes"


def test_a_model_of_other_operators_is_told_as_such() -> None:
    found = slower(subject={"model_sha256": "ff"}, operators=OPERATORS[:1])
    assert found[1] == "its operators: 2 -> 1, of other types or in another order"


def test_a_commit_is_a_suspect_only_when_the_image_changed() -> None:
    assert not any("commit" in c for c in slower(subject={"source_commit": "1" * 40}))
    found = slower(subject={"source_commit": "1" * 40 + "+", "build_id": "x"})
    assert "source commit: none -> 111111111111+" in found


def test_the_operators_that_got_slower_are_named_largest_first() -> None:
    first = OPERATORS[0].model_copy(update={"count": 630})
    second = OPERATORS[1].model_copy(update={"count": 420})
    found = slower(operators=(first, second), subject={"flags": ("-Os",)})
    assert found[-2:] == [
        "slower: operator 1 SOFTMAX, instructions +70 (+20.0%), 70% of the change",
        "slower: operator 0 CONV_2D, instructions +30 (+5.0%), 30% of the change",
    ]


def test_what_went_the_other_way_is_no_cause() -> None:
    first = OPERATORS[0].model_copy(update={"count": 500})
    assert not any("CONV_2D" in cause for cause in slower(operators=(first, OPERATORS[1])))


def test_what_grew_in_flash_is_named_by_owner_and_kernel() -> None:
    old = make_entry(metrics={"flash_kernels_bytes": 900}, kernel_flash_bytes={"conv.cc": 500})
    new = make_entry(
        metrics={"flash_bytes": 5100, "flash_kernels_bytes": 1000},
        kernel_flash_bytes={"conv.cc": 520, "add.cc": 80},
    )
    found = causes(FLASH, old, new)
    assert found[-2:] == (
        "larger: add.cc, bytes +80, 80% of the change",
        "larger: conv.cc, bytes +20 (+4.0%), 20% of the change",
    )


def test_what_grew_in_the_arena_is_named() -> None:
    old = make_entry(metrics={"arena_head_bytes": 4000, "arena_tail_bytes": 1000})
    new = make_entry(
        metrics={"arena_used_bytes": 5016, "arena_head_bytes": 4000, "arena_tail_bytes": 1016}
    )
    assert causes(ARENA, old, new)[-1] == (
        "larger: tail (interpreter), bytes +16 (+1.6%), 100% of the change"
    )


def test_the_same_image_leaves_the_board() -> None:
    real = hardware_entry([1000] * 9)
    metrics = real.metrics.model_copy(update={"fixed_kernel_cycles": 40_000})
    old = real.model_copy(
        update={"metrics": metrics.model_copy(update={"fixed_kernel_cycles": 32_778})}
    )
    found = causes(LATENCY, old, real.model_copy(update={"metrics": metrics}))
    assert found == (
        "the image is the same one, bit for bit",
        "the board: its fixed kernel took 32,778, now 40,000",
    )


def test_another_image_of_the_same_parts_is_told_as_such() -> None:
    assert slower(subject={"build_id": "zz"})[0].startswith("image: bb -> zz, from the same model")
