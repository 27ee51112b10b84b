from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.target import Target, load_target, target_names
from tests.conftest import ROOT

TARGET_TEXT = (ROOT / "targets" / "stm32f746.toml").read_text()


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    folder = tmp_path / "targets"
    folder.mkdir()
    (folder / "stm32f746.toml").write_text(TARGET_TEXT)
    return folder


def variant(folder: Path, old: str, new: str) -> Path:
    assert old in TARGET_TEXT
    (folder / "stm32f746.toml").write_text(TARGET_TEXT.replace(old, new))
    return folder.parent


def test_the_discovery_board_is_what_its_manuals_say(target: Target) -> None:
    assert target.mcu.part == "STM32F746NG"
    assert target.clock.core_clock_hz == 216_000_000
    assert target.flash.bytes == 1 << 20
    assert target.ram_bytes == 320 << 10
    assert target.serial.instance_number == 1


def test_a_sibling_board_is_data_only() -> None:
    nucleo = load_target("nucleo_f746zg", ROOT)
    assert nucleo.mcu.part == "STM32F746ZG"
    assert nucleo.mcu.chip == "stm32f746"
    assert nucleo.clock.hse_bypass
    assert nucleo.clock.core_clock_hz == 216_000_000
    assert (nucleo.serial.instance, nucleo.serial.tx, nucleo.serial.rx) == ("USART3", "PD8", "PD9")


def test_the_users_folder_goes_first(targets: Path) -> None:
    root = variant(targets, "baud = 921_600", "baud = 115_200")
    assert load_target("stm32f746", root).serial.baud == 115_200


def test_a_target_extends_another(targets: Path) -> None:
    (targets / "sibling.toml").write_text(
        'extends = "stm32f746"\nname = "sibling"\n[serial]\nbaud = 460800\n'
    )
    sibling = load_target("sibling", targets.parent)
    assert sibling.serial.baud == 460_800
    assert sibling.serial.tx == "PA9"


def test_an_unknown_target_names_the_nearest(targets: Path) -> None:
    with pytest.raises(ConfigError, match="unknown target 'stm32f764'") as caught:
        load_target("stm32f764", targets.parent)
    assert "stm32f746" in caught.value.hint


def test_a_path_is_no_target_name(targets: Path) -> None:
    with pytest.raises(ConfigError, match="unknown target"):
        load_target("../targets/stm32f746", targets.parent)


def test_extending_nothing_is_an_error(targets: Path) -> None:
    (targets / "orphan.toml").write_text('extends = "nowhere"\n')
    with pytest.raises(ConfigError, match="extends unknown target"):
        load_target("orphan", targets.parent)


def test_extending_oneself_is_an_error(targets: Path) -> None:
    (targets / "loop.toml").write_text('extends = "loop"\n')
    with pytest.raises(ConfigError, match="extends itself"):
        load_target("loop", targets.parent)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pll_n = 432", "pll_n = 400", "the PLL makes 200000000 Hz"),
        ('code = "flash"', 'code = "flesh"', "no memory 'flesh'"),
        ('arena = "sram"', 'arena = "psram"', "no memory 'psram'"),
        ("bytes = 0x100000", "bytes = 0x200000", "sectors add up to"),
        ("schema = 1", "schema = 2", "schema 2"),
        ('tx = "PA9"', 'tx = "A9"', "serial.tx"),
        ("stack_bytes = 16384", "stack_bytes = 3", "multiple of 8"),
    ],
)
def test_what_does_not_fit_is_refused(targets: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_target("stm32f746", variant(targets, old, new))


def test_a_file_that_calls_itself_otherwise_is_refused(targets: Path) -> None:
    (targets / "other.toml").write_text(TARGET_TEXT)
    with pytest.raises(ConfigError, match="the file says 'other'"):
        load_target("other", targets.parent)


def test_target_names_are_sorted(targets: Path) -> None:
    (targets / "a.toml").write_text('extends = "stm32f746"\n')
    assert target_names(targets.parent)[0] == "a"
