"""What memory a model needs, on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hil.arena import STEP_BYTES, ArenaTruth
from hil.firmware.footprint import Footprint, Owner
from hil.firmware.image import ImageSizes


def print_arena(
    console: Console, truth: ArenaTruth, footprint: Footprint, sizes: ImageSizes
) -> None:
    """Prints the smallest arena with a line to paste, what it is made of, stack and owners."""
    console.print(
        f"smallest arena that works: {truth.minimum_bytes:,} bytes "
        f"(to {STEP_BYTES}; {truth.allocations} allocations tried)"
    )
    console.print(f"\n    alignas(16) static uint8_t tensor_arena[{truth.minimum_bytes}];\n")
    for line in _parts(truth):
        console.print(line, soft_wrap=True)
    doubt = footprint.doubt(sizes)
    if doubt:
        console.print(f"\nwho owns them is not known: {doubt}", soft_wrap=True)
    else:
        console.print(_owners(footprint, sizes))
    console.print(_sections(sizes))
    console.print(
        f"flash {sizes.flash_bytes:,} bytes in all; static RAM {sizes.ram_static_bytes:,}, "
        f"stack {sizes.stack_bytes:,}, arena up to {sizes.arena_capacity_bytes:,}",
        soft_wrap=True,
    )


def _parts(truth: ArenaTruth) -> list[str]:
    more = truth.minimum_bytes - truth.used_bytes
    lines = [
        f"TFLM reports {truth.used_bytes:,} used: {truth.head_bytes:,} for activations (head), "
        f"{truth.tail_bytes:,} for its own structures (tail)",
        f"difference: {more:+,} bytes; " + _explained(truth),
        f"really written to: {truth.touched_after_allocate_bytes:,} bytes by the allocation, "
        f"{truth.touched_after_inference_bytes:,} after an inference "
        f"(in an arena of {truth.capacity_bytes:,})",
    ]
    if truth.stack_used_bytes is not None and truth.stack_bytes is not None:
        lines.append(f"stack: {truth.stack_used_bytes:,} of {truth.stack_bytes:,} bytes at most")
    return lines


def _explained(truth: ArenaTruth) -> str:
    """What the difference to what is reported comes from, as far as it was seen."""
    more = truth.minimum_bytes - truth.used_bytes
    if more < 0:
        return "the interpreter works in less than it reports; why is not known"
    if more < STEP_BYTES:
        return "what is reported is enough" + (", rounded up" if more else "")
    if truth.touched_after_allocate_bytes > truth.used_bytes:
        return (
            "the allocation wrote to more of the arena than it reports in the end: the memory "
            "planner's own room while it plans"
        )
    return (
        "less does not work, though no more than what is reported was written to; why is not known"
    )


def _owners(footprint: Footprint, sizes: ImageSizes) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("owner")
    table.add_column("flash", justify="right")
    table.add_column("static RAM", justify="right")
    for owner in Owner:
        flash, ram = footprint.flash_bytes.get(owner, 0), footprint.ram_bytes.get(owner, 0)
        table.add_row(owner.value, f"{flash:,}", f"{ram:,}")
    padding = sizes.flash_bytes - sum(footprint.flash_bytes.values())
    ram_padding = sizes.ram_static_bytes - sum(footprint.ram_bytes.values())
    table.add_row("alignment", f"{padding:,}", f"{ram_padding:,}")
    return table


def _sections(sizes: ImageSizes) -> Table:
    """The parts of the ELF file; arena and stack are what its linker script leaves for them."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("section")
    table.add_column("bytes", justify="right")
    table.add_column("where")
    for name, size, where in (
        (".text (code, constants)", sizes.text_bytes, "flash"),
        (".model", sizes.model_bytes, "flash"),
        (".data", sizes.data_bytes, "flash and RAM"),
        (".bss", sizes.bss_bytes, "RAM"),
        (".stack", sizes.stack_bytes, "RAM"),
        (".arena", sizes.arena_capacity_bytes, "RAM"),
    ):
        table.add_row(name, f"{size:,}", where)
    return table
