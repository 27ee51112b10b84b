"""Targets: board types, one file `targets/NAME.toml` each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from hil import resources
from hil.config_file import Table, read_toml, validate
from hil.errors import ConfigError, did_you_mean

SCHEMA = 1
MAX_NAME_BYTES = 32  # TARGET_NAME_BYTES of the hello message


class Register(Table):
    """A register, and what the bits of `mask` must read."""

    address: int
    mask: int
    value: int


class Mcu(Table):
    """The MCU: `port` is its folder of firmware, `chip` its emulation (None: not emulated).

    `chip_id` tells which chip this is, `unlocked` whether its flash may be written, `caches` which
    ones the port of the firmware switches on.
    """

    part: str
    core: Literal["cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"]
    fpu: str | None = None
    port: str
    chip: str | None = None
    caches: tuple[Literal["instruction", "data"], ...] = ()
    chip_id: Register
    unlocked: Register | None = None

    @model_validator(mode="before")
    @classmethod
    def _list_to_tuple(cls, table: Any) -> Any:
        if isinstance(table, dict) and isinstance(table.get("caches"), list):
            return table | {"caches": tuple(table["caches"])}
        return table


class Memory(Table):
    """One memory, in bytes; `sector_bytes` for flash."""

    base: int
    bytes: int = Field(gt=0)
    sector_bytes: tuple[int, ...] = ()

    @property
    def end(self) -> int:
        """The first address after it."""
        return self.base + self.bytes

    @model_validator(mode="before")
    @classmethod
    def _list_to_tuple(cls, table: Any) -> Any:
        if isinstance(table, dict) and isinstance(table.get("sector_bytes"), list):
            return table | {"sector_bytes": tuple(table["sector_bytes"])}
        return table

    @model_validator(mode="after")
    def _sectors_fill_it(self) -> Self:
        if self.sector_bytes and sum(self.sector_bytes) != self.bytes:
            raise ValueError(f"its sectors add up to {sum(self.sector_bytes)}, not {self.bytes}")
        return self


class Placement(Table):
    """Which memory holds what; part of what makes two results comparable."""

    code: str
    data: str
    arena: str
    stack_bytes: int = Field(gt=0, multiple_of=8)


class Clock(Table):
    """How the core clock is made: hse_hz / pll_m * pll_n / pll_p."""

    source: Literal["hse"]
    hse_hz: int = Field(gt=0)
    hse_bypass: bool
    pll_m: int = Field(gt=0)
    pll_n: int = Field(gt=0)
    pll_p: Literal[2, 4, 6, 8]
    pll_q: int = Field(gt=0)
    core_clock_hz: int = Field(gt=0)
    apb1_divider: Literal[1, 2, 4, 8, 16]
    apb2_divider: Literal[1, 2, 4, 8, 16]
    flash_wait_states: int = Field(ge=0)
    overdrive: bool

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        made = self.hse_hz // self.pll_m * self.pll_n // self.pll_p
        if made != self.core_clock_hz:
            raise ValueError(f"the PLL makes {made} Hz, not core_clock_hz = {self.core_clock_hz}")
        return self


class Serial(Table):
    """The serial port the host talks to."""

    instance: str = Field(pattern=r"^(USART|UART)[1-8]$")
    tx: str = Field(pattern=r"^P[A-K]\d{1,2}$")
    rx: str = Field(pattern=r"^P[A-K]\d{1,2}$")
    alternate_function: int = Field(ge=0, le=15)
    baud: int = Field(gt=0)
    dtr: bool | None = None
    rts: bool | None = None

    @property
    def instance_number(self) -> int:
        """The digit of the instance."""
        return int(re.sub(r"\D", "", self.instance))


class Probe(Table):
    """How pyOCD programs a board of this type."""

    pyocd_target: str
    frequency_hz: int = Field(gt=0)
    connect_mode: Literal["halt", "pre-reset", "under-reset", "attach"]
    reset_post_delay_s: float = Field(ge=0)


class Target(Table):
    """A board type. Sizes in bytes, clocks in Hz."""

    schema_: int = Field(alias="schema")
    name: str = Field(pattern=r"^[a-z0-9_]+$", max_length=MAX_NAME_BYTES - 1)
    description: str
    mcu: Mcu
    memory: dict[str, Memory]
    placement: Placement
    clock: Clock
    serial: Serial
    probe: Probe

    @model_validator(mode="after")
    def _places_exist(self) -> Self:
        if self.schema_ != SCHEMA:
            raise ValueError(f"schema {self.schema_} is not {SCHEMA}")
        for role in ("code", "data"):
            name = getattr(self.placement, role)
            if name not in self.memory:
                raise ValueError(f"placement.{role}: there is no memory {name!r}")
        if self.placement.arena not in (*self.memory, "all"):
            raise ValueError(f"placement.arena: there is no memory {self.placement.arena!r}")
        return self

    @property
    def flash(self) -> Memory:
        """The memory that holds code and model."""
        return self.memory[self.placement.code]

    @property
    def joined_ram(self) -> Memory:
        """The data memory and all RAM that adjoins it, as `arena = "all"` has it."""
        ram = sorted(
            (m for name, m in self.memory.items() if name != self.placement.code),
            key=lambda memory: memory.base,
        )
        start = end = self.memory[self.placement.data].base
        for memory in ram:
            if memory.base == end:
                end = memory.end
        return Memory(base=start, bytes=end - start)

    @property
    def ram_bytes(self) -> int:
        """All RAM of the target."""
        return sum(m.bytes for name, m in self.memory.items() if name != self.placement.code)


def target_names(user_dir: Path | None = None) -> list[str]:
    """Names of all targets that can be found, sorted."""
    return list(resources.names(resources.TARGETS, "*.toml", user_dir))


def load_target(name: str, user_dir: Path | None = None) -> Target:
    """The target called `name`. Raises ConfigError when it is unknown or its file unusable."""
    path = resources.find(resources.TARGETS, f"{name}.toml", user_dir)
    if path is None or not re.fullmatch(r"[\w-]+", name):
        raise ConfigError(
            f"unknown target {name!r}", hint=did_you_mean(name, target_names(user_dir))
        )
    target = validate(Target, _tables(path, user_dir, ()), path)
    if target.name != path.stem:
        raise ConfigError(f"{path}: its name is {target.name!r}, the file says {path.stem!r}")
    return target


def _tables(path: Path, user_dir: Path | None, seen: tuple[Path, ...]) -> dict[str, Any]:
    """The file's tables laid over those of the target it extends."""
    if path in seen:
        raise ConfigError(f"{path} extends itself")
    tables = read_toml(path)
    base_name = tables.pop("extends", None)
    if base_name is None:
        return tables
    base = resources.find(resources.TARGETS, f"{base_name}.toml", user_dir)
    if base is None:
        hint = did_you_mean(str(base_name), target_names(user_dir))
        raise ConfigError(f"{path} extends unknown target {base_name!r}", hint=hint)
    return _overlay(_tables(base, user_dir, (*seen, path)), tables)


def _overlay(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _overlay(merged[key], value) if both else value
    return merged
