"""A profile on the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from hil.instruction_mix.mix import InstructionMix, Mix
from hil.profile import OperatorProfile, Profile, TypeProfile
from hil.vocab import InstructionClass

# Columns of names; all others are figures.
NAMES = frozenset({"operator", "output", "type", "function"})
LEAST_NAME = 8
GAP = 2  # between two columns
TOP_FUNCTIONS = 10
LEAST_SHARE = 0.005  # less is 0 % in print
_KINDS = {
    "load": InstructionClass.LOAD,
    "store": InstructionClass.STORE,
    "mul": InstructionClass.MULTIPLY,
    "div": InstructionClass.DIVIDE,
    "branch": InstructionClass.BRANCH,
    "fp": InstructionClass.FP,
    "other": InstructionClass.OTHER,
}


def print_profile(console: Console, profile: Profile, unit: str, *, in_order: bool) -> None:
    """Prints operators, their types, and how their sum compares with the whole."""
    console.print(_operators(console, profile, unit, in_order=in_order))
    console.print(_types(console, profile, unit))
    for line in _sums(profile, unit):
        console.print(line, soft_wrap=True)


def print_mix(console: Console, mix: InstructionMix, names: Sequence[str]) -> None:
    """Prints the kinds of instructions of each operator, and of the functions that cost most."""
    rows = [
        [str(index), names[index], *_mix_cells(operator.mix)]
        for index, operator in enumerate(mix.operators)
    ]
    rows.append(["", "all operators", *_mix_cells(mix.inside.mix)])
    console.print(_table(console, ("#", "operator", "all", *_KINDS), rows))
    functions = mix.inside.functions[:TOP_FUNCTIONS]
    kinds = [k for k, v in _KINDS.items() if any(f.mix.share(v) >= LEAST_SHARE for f in functions)]
    rows = [
        [_function_name(f.name), f"{f.share:.1%}", *_mix_cells(f.mix, kinds)] for f in functions
    ]
    console.print(_table(console, ("function", "share", "all", *kinds), rows))
    console.print(
        "issued instructions by kind, the wrapper's around each operator included;\n"
        "of a function its own, not those of what it calls",
        soft_wrap=True,
    )


def _mix_cells(mix: Mix, kinds: Iterable[str] = _KINDS) -> list[str]:
    return [f"{mix.total:,}", *(_percent(mix.share(_KINDS[kind])) for kind in kinds)]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= LEAST_SHARE else ""


def _function_name(name: str) -> str:
    """A C++ name without arguments and templates, with the last of its namespaces."""
    plain = name.replace("(anonymous namespace)::", "").split("(")[0]
    while "<" in plain and (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
        plain = shorter
    parts = plain.split(" ")[-1].split("::")
    return "::".join(parts[-2:])


def _operators(console: Console, profile: Profile, unit: str, *, in_order: bool) -> Table:
    operators = profile.operators
    if not in_order:
        operators = tuple(sorted(operators, key=lambda operator: -operator.cycles))
    rows = [
        [
            str(operator.index),
            operator.name,
            _output_text(operator),
            *_cost_cells(operator),
        ]
        for operator in operators
    ]
    return _table(console, ("#", "operator", "output", "MACs", unit, "share", "per MAC"), rows)


def _output_text(operator: OperatorProfile) -> str:
    output = operator.output
    return f"{output.type.lower()} {'x'.join(map(str, output.shape))}" if output is not None else ""


def _types(console: Console, profile: Profile, unit: str) -> Table:
    rows = [[str(kind.count), kind.name, *_cost_cells(kind)] for kind in profile.by_type]
    return _table(console, ("n", "type", "MACs", unit, "share", "per MAC"), rows)


def _cost_cells(cost: OperatorProfile | TypeProfile) -> list[str]:
    return [
        _count(cost.macs),
        f"{cost.cycles:,}",
        f"{cost.share:.1%}",
        _ratio(cost.cycles_per_mac),
    ]


def _table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose figures are never cut: names get what they leave of the width."""
    widths = [max(len(cell) for cell in column) for column in zip(headings, *rows, strict=True)]
    names = [place for place, heading in enumerate(headings) if heading in NAMES]
    figures = sum(w for place, w in enumerate(widths) if place not in names)
    left = console.width - figures - GAP * len(headings)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        if place not in names:
            table.add_column(heading, no_wrap=True, justify="right", min_width=widths[place])
            continue
        width = min(widths[place], max(LEAST_NAME, left // len(names)))
        table.add_column(heading, no_wrap=True, min_width=width, max_width=width)
        left, names = left - width, names[1:]
    for row in rows:
        cells = zip(row, table.columns, strict=True)
        table.add_row(*(_fitted(cell, column.max_width) for cell, column in cells))
    return table


def _fitted(name: str, width: int | None) -> str:
    """A C++ name without its namespace where there is no room for it."""
    return name if width is None or len(name) <= width else name.rsplit("::", 1)[-1]


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
