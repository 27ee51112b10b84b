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

# Columns of names, and how wide they may grow: figures are never cut.
NAMES = {"operator": 18, "output": 18, "type": 20, "function": 22}
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
    console.print(_operators(profile, unit, in_order=in_order))
    console.print(_types(profile, unit))
    for line in _sums(profile, unit):
        console.print(line, soft_wrap=True)


def print_mix(console: Console, mix: InstructionMix, names: Sequence[str]) -> None:
    """Prints the kinds of instructions of each operator, and of the functions that cost most."""
    rows = [
        [str(index), names[index], *_mix_cells(operator.mix)]
        for index, operator in enumerate(mix.operators)
    ]
    rows.append(["", "all operators", *_mix_cells(mix.inside.mix)])
    console.print(_table(("#", "operator", "all", *_KINDS), rows))
    functions = mix.inside.functions[:TOP_FUNCTIONS]
    kinds = [k for k, v in _KINDS.items() if any(f.mix.share(v) >= LEAST_SHARE for f in functions)]
    rows = [
        [_function_name(f.name), f"{f.share:.1%}", *_mix_cells(f.mix, kinds)] for f in functions
    ]
    console.print(_table(("function", "share", "all", *kinds), rows))
    console.print(
        "issued instructions by kind; of a function its own, not those of what it calls",
        soft_wrap=True,
    )


def _mix_cells(mix: Mix, kinds: Iterable[str] = _KINDS) -> list[str]:
    return [f"{mix.total:,}", *(_percent(mix.share(_KINDS[kind])) for kind in kinds)]


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= LEAST_SHARE else ""


def _function_name(name: str) -> str:
    """A C++ name without arguments and templates, with the last of its namespaces if that fits."""
    plain = name.replace("(anonymous namespace)::", "").split("(")[0]
    while "<" in plain and (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
        plain = shorter
    parts = plain.split(" ")[-1].split("::")
    qualified = "::".join(parts[-2:])
    return qualified if len(qualified) <= NAMES["function"] else parts[-1]


def _operators(profile: Profile, unit: str, *, in_order: bool) -> Table:
    operators = profile.operators
    if not in_order:
        operators = tuple(sorted(operators, key=lambda operator: -operator.cycles))
    rows = [
        [
            str(operator.index),
            operator.name,
            f"{operator.output.type.lower()} {'x'.join(map(str, operator.output.shape))}",
            *_cost_cells(operator),
        ]
        for operator in operators
    ]
    return _table(("#", "operator", "output", "MACs", unit, "share", "per MAC"), rows)


def _types(profile: Profile, unit: str) -> Table:
    rows = [[str(kind.count), kind.name, *_cost_cells(kind)] for kind in profile.by_type]
    return _table(("n", "type", "MACs", unit, "share", "per MAC"), rows)


def _cost_cells(cost: OperatorProfile | TypeProfile) -> list[str]:
    return [
        _count(cost.macs),
        f"{cost.cycles:,}",
        f"{cost.share:.1%}",
        _ratio(cost.cycles_per_mac),
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose figures are never cut, only its names."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        if heading in NAMES:
            table.add_column(heading, no_wrap=True, max_width=NAMES[heading])
        else:
            width = max([len(heading), *(len(row[place]) for row in rows)])
            table.add_column(heading, no_wrap=True, justify="right", min_width=width)
    for row in rows:
        table.add_row(*row)
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
