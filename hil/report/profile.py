"""A profile on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hil.profile import Profile


def print_profile(console: Console, profile: Profile, unit: str, *, in_order: bool) -> None:
    """Prints operators, their types, and how their sum compares with the whole."""
    console.print(_operators(profile, unit, in_order=in_order))
    console.print(_types(profile, unit))
    for line in _sums(profile, unit):
        console.print(line, soft_wrap=True)


def _operators(profile: Profile, unit: str, *, in_order: bool) -> Table:
    table = _table("#", "operator", "output", "MACs", unit, "share", "per MAC")
    operators = profile.operators
    if not in_order:
        operators = tuple(sorted(operators, key=lambda operator: -operator.cycles))
    for operator in operators:
        shape = "x".join(str(size) for size in operator.output.shape)
        table.add_row(
            str(operator.index),
            operator.name,
            f"{operator.output.type.lower()} {shape}",
            _count(operator.macs),
            f"{operator.cycles:,}",
            f"{operator.share:.1%}",
            _ratio(operator.cycles_per_mac),
        )
    return table


def _types(profile: Profile, unit: str) -> Table:
    table = _table("n", "type", "MACs", unit, "share", "per MAC")
    for kind in profile.by_type:
        table.add_row(
            str(kind.count),
            kind.name,
            _count(kind.macs),
            f"{kind.cycles:,}",
            f"{kind.share:.1%}",
            _ratio(kind.cycles_per_mac),
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        is_text = heading in ("operator", "output", "type")
        table.add_column(heading, no_wrap=True, justify="left" if is_text else "right")
    return table


def _sums(profile: Profile, unit: str) -> list[str]:
    rest = profile.rest_cycles / profile.clean_cycles
    return [
        f"whole, clean window: {profile.clean_cycles:,} {unit} "
        f"(the empty window's {profile.empty_window_cycles:,} taken off)",
        f"sum of operators: {profile.operator_cycles:,} "
        f"(the wrapper's {profile.wrapper_cycles:,} taken off each)",
        f"rest: {profile.rest_cycles:,} ({rest:.2%}), the interpreter between operators",
    ]


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
