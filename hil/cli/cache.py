"""`hil cache info`, `hil cache prune`: what builds keep for the next ones."""

from __future__ import annotations

import json as json_module
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hil.errors import ConfigError
from hil.firmware.cache import Cache
from hil.firmware.cache_entries import UNFINISHED, Entry, KindSummary, read_entries, summaries
from hil.firmware.cache_eviction import Eviction, evict, evict_to
from hil.firmware.cache_limit import MAX_BYTES_VARIABLE, max_bytes_from_environment, parse_bytes

if TYPE_CHECKING:
    from rich.console import Console

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
AsJson = Annotated[bool, typer.Option("--json", help="print it as JSON")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    group = typer.Typer(no_args_is_help=True, help="Show and shrink the cache of builds.")
    group.command("info")(info)
    group.command("prune")(prune)
    app.add_typer(group, name="cache")


def info(json: AsJson = False) -> None:
    """Show what the cache holds: kinds, entries, bytes, last use."""
    root, limit = Cache().root, max_bytes_from_environment()
    kinds = summaries(read_entries(root))
    if json:
        document = {
            "folder": str(root),
            "max_bytes": limit,
            "bytes": sum(kind.bytes for kind in kinds),
            "kinds": [
                {
                    "kind": kind.kind,
                    "entries": kind.entries,
                    "bytes": kind.bytes,
                    "last_use": datetime.fromtimestamp(kind.last_use_s, UTC).isoformat(),
                }
                for kind in kinds
            ],
        }
        typer.echo(json_module.dumps(document, indent=1))
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(str(root), markup=False, soft_wrap=True)
    if kinds:
        _print_table(console, kinds)
    total = sum(kind.bytes for kind in kinds)
    console.print(
        f"{total:,} of at most {limit:,} bytes ({MAX_BYTES_VARIABLE}); above it the least recently "
        "used entries that no process uses are removed",
        markup=False,
        soft_wrap=True,
    )


def prune(
    max_bytes: Annotated[
        str | None,
        typer.Option(
            "--max-bytes",
            metavar="SIZE",
            help="remove the least recently used until at most SIZE is left (500MB, 2GiB)",
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than", metavar="AGE", help="remove what was not used for AGE (12h, 30d, 8w)"
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="remove all of it")] = False,
    json: AsJson = False,
) -> None:
    """Remove entries of the cache. What a running process uses stays, and is named.

    Without an option: down to the limit that builds keep.
    """
    if sum([max_bytes is not None, older_than is not None, everything]) > 1:
        raise ConfigError("--max-bytes, --older-than and --all exclude each other", hint="give one")
    cache = Cache()
    if everything or older_than is not None:
        newest_s = time.time() - (_seconds(older_than) if older_than is not None else 0.0)
        entries = read_entries(cache.root)
        chosen = [
            each
            for each in entries
            if everything or each.kind == UNFINISHED or each.last_use_s < newest_s
        ]
        done = evict(chosen, cache.locks)
    else:
        limit = parse_bytes(max_bytes) if max_bytes is not None else max_bytes_from_environment()
        done = evict_to(limit, cache.root, cache.locks)
    if json:
        document = {"removed": _as_json(done.removed), "in_use": _as_json(done.in_use)}
        typer.echo(json_module.dumps(document, indent=1))
        return
    _print_eviction(done)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", text)
    if match is None:
        raise ConfigError(
            f"--older-than {text}: not an age",
            hint="a number with s, m, h, d or w, as in 12h, 30d or 8w",
        )
    return float(match[1]) * _SECONDS[match[2]]


def _as_json(entries: Sequence[Entry]) -> list[dict[str, object]]:
    return [{"kind": e.kind, "key": e.key, "bytes": e.bytes} for e in entries]


def _print_eviction(done: Eviction) -> None:
    for words, entries in (("removed", done.removed), ("kept, in use", done.in_use)):
        for kind in summaries(entries):
            typer.echo(f"{words}: {kind.kind}, {_counted(kind.entries)}, {kind.bytes:,} bytes")
    freed = sum(entry.bytes for entry in done.removed)
    typer.echo(f"{_counted(len(done.removed))} removed, {freed:,} bytes freed")


def _counted(entries: int) -> str:
    return "1 entry" if entries == 1 else f"{entries:,} entries"


def _print_table(console: Console, kinds: Sequence[KindSummary]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    table.add_column("kind", no_wrap=True)
    table.add_column("entries", justify="right", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("last use", no_wrap=True)
    for kind in kinds:
        used = datetime.fromtimestamp(kind.last_use_s).strftime("%Y-%m-%d %H:%M")
        table.add_row(kind.kind, f"{kind.entries:,}", f"{kind.bytes:,}", used)
    console.print(table)
