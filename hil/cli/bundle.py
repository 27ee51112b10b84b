"""`hil replay` and `hil verify`: what a bundle of evidence proves."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hil.bundle.replay import Replay, replay
from hil.bundle.verify import verify
from hil.files import check_writable
from hil.record import RunResult
from hil.report.json_report import write_json
from hil.report.terminal import summary_text

EXIT_DIFFERS = 1
GATE_NOTE = "by the suite's limits alone: what a gate said against a baseline is in no bundle"

Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="a folder of --hil-bundle")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("replay")(replay_)
    app.command("verify")(verify_)


def replay_(
    bundle: Bundle,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="write the replayed result")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="run the bundle's data.py where its metric needs it")
    ] = False,
) -> None:
    """Run a bundle's recorded frames through link, checks and report again.

    Needs no board, compiler or interpreter. Exit code 0: the same verdicts and figures. 1: others.
    """
    if json is not None:
        check_writable(json)
    done = replay(bundle, trust=trust)
    console = Console(highlight=False)
    if done.record is not None:
        result = _result(done)
        if json is not None:
            write_json(json, [result])
        console.print(summary_text([result], color=console.is_terminal, explain=False), end="")
        for verdict in done.verdicts:
            first = verdict.reason.splitlines()[0]
            console.print(f"{verdict.status.value}: {verdict.check.value}: {first}", markup=False)
    if done.failure is not None:
        console.print(f"{done.failure.kind}: {done.failure.message}", markup=False)
    if done.record is not None:
        console.print(GATE_NOTE, style="dim", soft_wrap=True)
    for text in done.left_out:
        console.print(f"left out: {text}", markup=False, soft_wrap=True)
    for name, then, now in done.differences:
        console.print(f"differs: {name}: {then} then, {now} now", markup=False, soft_wrap=True)
    if done.differences:
        raise typer.Exit(EXIT_DIFFERS)
    console.print(_verdict(done), markup=False, soft_wrap=True)


def _result(done: Replay) -> RunResult:
    setup, record = done.setup, done.record
    assert record is not None
    result = RunResult(setup.suite, setup.model_label, record.target, setup.kernels, record=record)
    result.verdicts = {verdict.check: verdict for verdict in done.verdicts}
    return result


def _verdict(done: Replay) -> str:
    if done.record is None:
        return f"replayed: run {done.setup.run_id} fails as it did"
    checks = len(done.verdicts)
    return f"replayed: run {done.setup.run_id}: the same {checks} verdicts and the same figures"


def verify_(
    bundles: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="folders of --hil-bundle")
    ],
    json: Annotated[bool, typer.Option("--json", help="print the problems as JSON")] = False,
) -> None:
    """Check that bundles are what was written, and that their parts belong together."""
    problems = {str(bundle): verify(bundle) for bundle in bundles}
    if json:
        typer.echo(json_module.dumps(problems, indent=1))
    else:
        for bundle, found in problems.items():
            for line in found:
                typer.echo(f"{bundle}: {line}")
            if not found:
                typer.echo(f"{bundle}: all is as it was written, and belongs together")
    if any(problems.values()):
        raise typer.Exit(EXIT_DIFFERS)
