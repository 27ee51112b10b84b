"""What repeated runs of the same images say of a board, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hil.checks.schemes import latency_of
from hil.gate.floors import Floors
from hil.gate.noise import FLOOR_QUANTILE
from hil.record import RunRecord
from hil.vocab import Kind


def print_noise(console: Console, records: Sequence[RunRecord], floors: Floors) -> None:
    """Prints how far the medians of each model lie apart, and the floor of each target."""
    unit = records[0].condition.counter_unit.value
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("model", "runs", f"least median, {unit}", "largest", "apart"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "model" else "right")
    for model in dict.fromkeys(record.model for record in records):
        medians = [latency_of(record.metrics) for record in records if record.model == model]
        known = [median for median in medians if median is not None]
        low, high = min(known), max(known)
        table.add_row(
            model, str(len(known)), f"{low:,.0f}", f"{high:,.0f}", f"{high / low - 1:.3%}"
        )
    console.print(table)
    for target, quantities in floors.items():
        for name, floor in quantities.items():
            console.print(
                f"noise floor of {target}, {name}: {floor.change:.3%} "
                f"({FLOOR_QUANTILE:.0%} of {floor.pairs} A/A pairs do not differ by more)",
                soft_wrap=True,
            )
    if not floors or not any(floors.values()):
        console.print("too few runs for a noise floor: give more --runs")
    if records[0].kind is Kind.EMULATED:
        console.print("an emulated board counts instructions: it has no noise to know")
