"""What may be compared."""

from __future__ import annotations

import pytest

from hil.errors import ConfigError
from hil.gate.condition import KEYS, check_keys, forbidding
from tests.entries import hardware_entry, make_entry

ENTRY = make_entry()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("core_clock_hz", 100_000_000),
        ("arena_placement", "dtcm"),
        ("code_placement", "itcm"),
        ("protocol_major", 2),
    ],
)
def test_a_condition_that_differs_forbids(name: str, value: object) -> None:
    other = make_entry(condition={name: value})
    (difference,) = forbidding(ENTRY, other)
    assert difference.key == name
    assert str(value) in str(difference)
    assert forbidding(ENTRY, other, {name}) == ()


def test_equal_conditions_forbid_nothing() -> None:
    assert forbidding(ENTRY, make_entry(metrics={"flash_bytes": 1})) == ()


def test_other_data_forbid() -> None:
    other = make_entry(condition={"source_sha256": "00"})
    assert [difference.key for difference in forbidding(ENTRY, other)] == ["data"]


def test_the_same_data_for_another_input_scale_are_the_same_data() -> None:
    assert forbidding(ENTRY, make_entry(condition={"data_sha256": "00"})) == ()


def test_without_the_sources_digest_the_bytes_decide() -> None:
    old = make_entry(condition={"source_sha256": None})
    new = make_entry(condition={"source_sha256": None, "data_sha256": "00"})
    assert [difference.key for difference in forbidding(old, new)] == ["data"]


def test_another_compiler_forbids_on_emulated_boards_only() -> None:
    other = make_entry(subject={"toolchain": "gcc 13"})
    assert [difference.key for difference in forbidding(ENTRY, other)] == ["toolchain"]
    real = hardware_entry([1000] * 9)
    newer = real.subject.model_copy(update={"toolchain": "gcc 13"})
    assert forbidding(real, real.model_copy(update={"subject": newer})) == ()


def test_only_conditions_can_be_accepted() -> None:
    check_keys(KEYS)
    with pytest.raises(ConfigError, match="no condition 'toolchian'") as caught:
        check_keys(["toolchian"])
    assert "toolchain" in caught.value.hint
