"""Facts of an MCU for the emulated board, loaded from `chips/NAME.toml`.

Plain dataclasses: the board process starts in tens of milliseconds and must not pay for more.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.errors import ConfigError, did_you_mean

CHIPS_DIR = Path(__file__).parent / "chips"
SCHEMA = 1

# UC_CPU_ARM_CORTEX_M* of unicorn/arm.h
CPU_MODELS = {"cortex-m3": 8, "cortex-m4": 9, "cortex-m7": 10, "cortex-m33": 11}
PERIPHERAL_KINDS = {
    "registers": 0,
    "scs": 1,
    "dwt": 2,
    "rcc": 3,
    "flash": 4,
    "usart": 5,
    "gpio": 6,
    "read_only": 7,
}


@dataclass(frozen=True)
class Memory:
    """One memory of the chip, or another address of an earlier one (`alias_of`)."""

    name: str
    base: int
    bytes: int
    writable: bool
    alias_of: int | None


@dataclass(frozen=True)
class ReadyRule:
    """A ready flag that follows its enable bit."""

    address: int
    bit: int
    follows_address: int
    follows_bit: int


@dataclass(frozen=True)
class Peripheral:
    """A block of registers; `kind` names the model of it in the C core."""

    name: str
    kind: str
    base: int
    bytes: int
    index: int
    clock_enable_address: int
    clock_enable_mask: int
    values: tuple[tuple[int, int], ...]
    ready: tuple[ReadyRule, ...]


@dataclass(frozen=True)
class Usart:
    """A serial port: which pins carry its signals, and with which alternate function."""

    name: str
    slot: int
    tx_pins: dict[str, int]
    rx_pins: dict[str, int]


@dataclass(frozen=True)
class Limits:
    """Clocks that the chip stands, in Hz: with one flash wait state more for each `wait_state_hz`,
    and overdrive above `overdrive_above_hz`.
    """

    max_core_hz: int
    max_apb1_hz: int
    max_apb2_hz: int
    overdrive_above_hz: int
    wait_state_hz: int


@dataclass(frozen=True)
class Chip:
    """An MCU as the emulated board needs it. Addresses and sizes in bytes, clocks in Hz."""

    name: str
    description: str
    cpu_model: int
    cpuid: int
    boot_address: int
    irq_count: int
    hsi_hz: int
    memories: tuple[Memory, ...]
    flash_base: int
    flash_sector_bytes: tuple[int, ...]
    factory_words: tuple[tuple[int, int], ...]
    peripherals: tuple[Peripheral, ...]
    usarts: tuple[Usart, ...]
    rcc_base: int
    gpio_base: int
    gpio_stride: int
    pwr_base: int
    limits: Limits

    def usart(self, name: str) -> Usart:
        """The serial port called `name` (any case). Raises ConfigError."""
        by_name = {usart.name.lower(): usart for usart in self.usarts}
        if name.lower() not in by_name:
            raise ConfigError(f"{self.name} has no {name}", hint=did_you_mean(name, by_name))
        return by_name[name.lower()]


def chip_names() -> list[str]:
    """Names of the chips that can be emulated, sorted."""
    return sorted(path.stem for path in CHIPS_DIR.glob("*.toml"))


def load_chip(name: str) -> Chip:
    """The chip called `name`. Raises ConfigError when there is no such file or it is unusable."""
    path = CHIPS_DIR / f"{name}.toml"
    if not path.is_file():
        raise ConfigError(f"no emulated chip {name!r}", hint=did_you_mean(name, chip_names()))
    with path.open("rb") as file:
        table = tomllib.load(file)
    if table.get("schema") != SCHEMA:
        raise ConfigError(f"{path.name}: schema {table.get('schema')!r} is not {SCHEMA}")
    try:
        return _chip(table)
    except KeyError as error:
        raise ConfigError(f"{path.name}: key {error} is missing") from error


def _chip(table: dict[str, Any]) -> Chip:
    memories = _memories(table["memory"])
    first = {entry["kind"]: entry for entry in reversed(table["peripheral"])}
    rcc_base = first["rcc"]["base"]
    peripherals = [
        peripheral for entry in table["peripheral"] for peripheral in _peripheral(entry, rcc_base)
    ]
    peripherals += [_usart_registers(entry, rcc_base) for entry in table["usart"]]
    return Chip(
        name=table["name"],
        description=table["description"],
        cpu_model=CPU_MODELS[table["cpu"]],
        cpuid=table["cpuid"],
        boot_address=table["boot_address"],
        irq_count=table["irq_count"],
        hsi_hz=table["hsi_hz"],
        memories=memories,
        flash_base=next(m.base for m in memories if m.name == table["flash"]["memory"]),
        flash_sector_bytes=tuple(table["flash"]["sector_bytes"]),
        factory_words=tuple((w["address"], w["value"]) for w in table.get("factory_word", [])),
        peripherals=tuple(peripherals),
        usarts=tuple(
            Usart(e["name"], e["slot"], dict(e["tx_pins"]), dict(e["rx_pins"]))
            for e in table["usart"]
        ),
        rcc_base=rcc_base,
        gpio_base=first["gpio"]["base"],
        gpio_stride=first["gpio"]["stride"],
        pwr_base=next(e["base"] for e in table["peripheral"] if e["name"] == "PWR"),
        limits=Limits(**table["limits"]),
    )


def _memories(entries: list[dict[str, Any]]) -> tuple[Memory, ...]:
    memories: dict[str, Memory] = {}
    for entry in entries:
        original = memories[entry["alias_of"]] if "alias_of" in entry else None
        memories[entry["name"]] = Memory(
            name=entry["name"],
            base=entry["base"],
            bytes=original.bytes if original else entry["bytes"],
            writable=original.writable if original else entry["writable"],
            alias_of=original.base if original else None,
        )
    return tuple(memories.values())


def _peripheral(entry: dict[str, Any], rcc_base: int) -> list[Peripheral]:
    """One block, or `count` of them every `stride` bytes with consecutive enable bits."""
    return [
        Peripheral(
            name=entry["name"],
            kind=entry["kind"],
            base=entry["base"] + index * entry.get("stride", 0),
            bytes=entry["bytes"],
            index=index,
            values=tuple(
                (entry["base"] + int(offset, 0), value)
                for offset, value in entry.get("values", {}).items()
            ),
            ready=tuple(_ready_rule(rule, entry["base"]) for rule in entry.get("ready", [])),
            **_clock_enable(entry, rcc_base, index),
        )
        for index in range(entry.get("count", 1))
    ]


def _usart_registers(entry: dict[str, Any], rcc_base: int) -> Peripheral:
    return Peripheral(
        name=entry["name"],
        kind="usart",
        base=entry["base"],
        bytes=0x400,
        index=entry["slot"],
        values=(),
        ready=(),
        **_clock_enable(entry, rcc_base, 0),
    )


def _clock_enable(entry: dict[str, Any], rcc_base: int, index: int) -> dict[str, int]:
    enable = entry.get("clock_enable")
    return {
        "clock_enable_address": rcc_base + enable["offset"] if enable else 0,
        "clock_enable_mask": 1 << (enable["first_bit"] + index) if enable else 0,
    }


def _ready_rule(rule: dict[str, int], base: int) -> ReadyRule:
    return ReadyRule(
        address=base + rule["register"],
        bit=rule["bit"],
        follows_address=base + rule["follows_register"],
        follows_bit=rule["follows_bit"],
    )
