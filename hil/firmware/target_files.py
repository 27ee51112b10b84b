"""Files that carry a target's facts into the firmware: target_config.h and memory.ld."""

from __future__ import annotations

from hil.target import Target

_REGION_ATTRIBUTES = {True: "rx", False: "rw"}


def cpu_flags(target: Target) -> list[str]:
    """Compiler flags of the target's core."""
    flags = [f"-mcpu={target.mcu.core}", "-mthumb"]
    if target.mcu.fpu:
        return [*flags, f"-mfpu={target.mcu.fpu}", "-mfloat-abi=hard"]
    return [*flags, "-mfloat-abi=soft"]


def config_header(target: Target) -> str:
    """Text of `target_config.h`: everything the port must know about this board."""
    clock, serial = target.clock, target.serial
    lines = [
        "// Generated from the target file.",
        "#ifndef HIL_TARGET_CONFIG_H",
        "#define HIL_TARGET_CONFIG_H",
        "",
        f'#define HIL_TARGET_NAME "{target.name}"',
        f"#define HIL_CLOCK_HSE_HZ {clock.hse_hz}u",
        f"#define HIL_CLOCK_HSE_BYPASS {int(clock.hse_bypass)}",
        f"#define HIL_CLOCK_OVERDRIVE {int(clock.overdrive)}",
        f"#define HIL_CLOCK_PLL_M {clock.pll_m}u",
        f"#define HIL_CLOCK_PLL_N {clock.pll_n}u",
        f"#define HIL_CLOCK_PLL_P {clock.pll_p}u",
        f"#define HIL_CLOCK_PLL_Q {clock.pll_q}u",
        f"#define HIL_CLOCK_FLASH_WAIT_STATES {clock.flash_wait_states}u",
        f"#define HIL_CLOCK_APB1_DIVIDER {clock.apb1_divider}u",
        f"#define HIL_CLOCK_APB2_DIVIDER {clock.apb2_divider}u",
        f"#define HIL_SERIAL_INSTANCE {serial.instance_number}",
        *_pin_lines("TX", serial.tx),
        *_pin_lines("RX", serial.rx),
        f"#define HIL_SERIAL_ALTERNATE_FUNCTION {serial.alternate_function}u",
        f"#define HIL_SERIAL_BAUD {serial.baud}u",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


def _pin_lines(signal: str, pin: str) -> list[str]:
    port, number = ord(pin[1]) - ord("A"), int(pin[2:])
    return [
        f"#define HIL_SERIAL_{signal}_PORT {port}u",
        f"#define HIL_SERIAL_{signal}_PIN {number}u",
    ]


def memory_script(target: Target) -> str:
    """Text of `memory.ld`: the regions CODE, DATA and ARENA of the linker script."""
    placement = target.placement
    arena = placement.arena
    regions = dict(target.memory)
    if arena == "all":
        code = placement.code
        arena, regions = "ram", {code: target.memory[code], "ram": target.joined_ram}
    lines = ["MEMORY", "{"]
    for name, memory in regions.items():
        attributes = _REGION_ATTRIBUTES[name == placement.code]
        lines.append(
            f"  {name.upper()} ({attributes}) : "
            f"ORIGIN = {memory.base:#x}, LENGTH = {memory.bytes:#x}"
        )
    data = arena if placement.arena == "all" else placement.data
    lines += [
        "}",
        f'REGION_ALIAS("CODE", {placement.code.upper()})',
        f'REGION_ALIAS("DATA", {data.upper()})',
        f'REGION_ALIAS("ARENA", {arena.upper()})',
        f"HIL_STACK_BYTES = {placement.stack_bytes};",
        "",
    ]
    return "\n".join(lines)
