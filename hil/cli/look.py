"""`hil profile`, `hil arena`, `hil bisect`: a close look at one model on one board."""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hil.arena import measure_arena, restarter
from hil.bisect import Divergence, describe, first_divergence
from hil.cli.keep import History, NoStore, StoreUrl
from hil.cli.opened import Opened, Request, open_model
from hil.cli.options import (
    DEFAULT_TARGET,
    Kernels,
    ModelFile,
    Port,
    Probe,
    TargetName,
    Tflm,
)
from hil.cli.prepared import Choice, watched
from hil.figures import record_of_profile
from hil.files import check_writable, write_whole
from hil.firmware.footprint import read_footprint
from hil.firmware.host_build import HostBuilder
from hil.instruction_mix.code import read_code
from hil.instruction_mix.mix import OPERATOR_MARKS, InstructionMix, instruction_mix
from hil.measure import Job
from hil.profile import Profile, measure_profile
from hil.record import RunResult
from hil.reference.tree import start_tree, tree_label
from hil.report.arena import print_arena
from hil.report.profile import print_mix, print_profile
from hil.sanity import Sanity, check_sanity
from hil.source import source_commit
from hil.state import steps_through
from hil.trace import trace
from hil.vocab import Kind, RunOrigin

EXIT_DIFFERS = 1

VectorsFile = Annotated[
    Path | None,
    typer.Option("--vectors", metavar="X.npz", help="vectors, instead of random ones"),
]
VectorIndex = Annotated[
    int | None,
    typer.Option(
        "--vector",
        metavar="I",
        min=0,
        help="which of them; default 0, of a model with state 1: the second step",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="seed of the random vectors")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the result")]


def register(app: typer.Typer) -> None:
    """Adds the commands of this module."""
    app.command("profile")(profile)
    app.command("arena")(arena)
    app.command("bisect")(bisect)


def profile(
    model_file: ModelFile,
    target: TargetName = DEFAULT_TARGET,
    vectors: VectorsFile = None,
    vector: VectorIndex = None,
    seed: Seed = 0,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="as they run, instead of by cost")
    ] = False,
    json: JsonFile = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
    probe: Probe = None,
    port: Port = None,
    store: StoreUrl = None,
    no_store: NoStore = False,
) -> None:
    """Show where the time of one inference goes, operator by operator."""
    if json is not None:
        check_writable(json)
    choice = Choice(model_file, target, kernels, tflm, probe, port)
    request = Request(choice, vectors, vector, seed)
    history = History(store, no_store=no_store)
    with open_model(request) as opened:
        sanity = check_sanity(opened.device, opened.board, opened.builder.target)
        result = measure_profile(
            opened.device,
            opened.model,
            opened.inputs,
            sanity.empty_window_cycles,
            opened.timeout_s,
            opened.is_working,
            opened.restore,
        )
        _keep(history, opened, sanity, result)
        mix = _mix(opened)
        unit = "instructions" if opened.board.kind is Kind.EMULATED else "cycles"
        if json is not None:
            document = {"unit": unit, "profile": asdict(result), "mix": _mix_as_json(mix)}
            _write(json, opened, document)
        console = Console(highlight=False)
        print_profile(console, result, unit, in_order=in_order)
        if mix is not None:
            names = [operator.name for operator in opened.model.operators]
            print_mix(console, mix, names)


def _keep(history: History, opened: Opened, sanity: Sanity, result: Profile) -> None:
    """Keeps the profiled inference as a run of its own, which nothing was judged of."""
    job = Job(
        suite=None,
        model=opened.model,
        model_label=opened.model.name,
        vectors=opened.vectors.only(opened.index),
        metric=None,
        data=None,
        builder=opened.builder,
        source_commit=source_commit(Path.cwd()),
        origin=RunOrigin.PROFILE,
    )
    record = record_of_profile(job.task, opened.board, opened.image, opened.device, sanity, result)
    kept = RunResult(None, record.model, record.target, record.kernels, record=record)
    history.keep(kept, RunOrigin.PROFILE)
    history.close()


def _mix(opened: Opened) -> InstructionMix | None:
    """What kinds of instructions an inference executes; None on boards that cannot tell."""
    code = read_code(opened.image.path)
    watching = opened.board.instruction_trace(code.addresses_of(OPERATOR_MARKS))
    if watching is None:
        return None
    opened.restore()
    with watching as counted:
        trace(opened.device, opened.inputs, opened.timeout_s, is_working=opened.is_working)
    return instruction_mix(counted.result, code)


def _mix_as_json(mix: InstructionMix | None) -> dict[str, Any]:
    """By operator and by function; absent with a reason."""
    if mix is None:
        return {"absent": "this board does not tell which instructions it executes"}
    return {
        "operators": [asdict(operator.mix) for operator in mix.operators],
        "functions": [asdict(function) for function in mix.inside.functions],
    }


def arena(
    model_file: ModelFile,
    target: TargetName = DEFAULT_TARGET,
    vectors: VectorsFile = None,
    vector: VectorIndex = None,
    seed: Seed = 0,
    json: JsonFile = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
    probe: Probe = None,
    port: Port = None,
) -> None:
    """Find the smallest arena that works on the device, and who uses how much memory."""
    if json is not None:
        check_writable(json)
    choice = Choice(model_file, target, kernels, tflm, probe, port)
    request = Request(choice, vectors, vector, seed)
    with open_model(request) as opened:
        device, board = opened.device, opened.board
        restart = restarter(
            board.flasher.reset, lambda: device.hello(opened.image, opened.builder.target)
        )
        steps = steps_through(opened.model, opened.vectors, opened.index)
        truth = measure_arena(device, steps, opened.timeout_s, restart, lambda: opened.is_working)
        sizes = opened.image.sizes
        footprint = read_footprint(opened.image.path, opened.builder.tflm.kernel_files)
        if json is not None:
            doubt = footprint.doubt(sizes)
            owners = {"absent": doubt} if doubt else asdict(footprint)
            _write(json, opened, {"arena": asdict(truth), "owners": owners, "image": asdict(sizes)})
        print_arena(Console(highlight=False), truth, footprint, sizes)


def bisect(
    model_file: ModelFile,
    target: TargetName = DEFAULT_TARGET,
    vectors: VectorsFile = None,
    vector: VectorIndex = None,
    seed: Seed = 0,
    json: JsonFile = None,
    kernels: Kernels = None,
    tflm: Tflm = None,
    probe: Probe = None,
    port: Port = None,
) -> None:
    """Name the first operator that computes something else than the same TFLM on this host.

    Exit code 0: all operators agree. 1: one differs. 2: it cannot run.
    """
    if json is not None:
        check_writable(json)
    choice = Choice(model_file, target, kernels, tflm, probe, port)
    request = Request(choice, vectors, vector, seed)
    with open_model(request) as opened:
        builder = HostBuilder.beside(opened.builder)
        with watched(model_file.stem) as show:
            show("build TFLM for this host", 0, 0)
            host = start_tree(builder, opened.model)
        try:
            found = first_divergence(
                opened.device,
                host,
                opened.model,
                opened.vectors,
                opened.index,
                opened.timeout_s,
                opened.is_working,
            )
        finally:
            host.close()
        which = opened.vectors.name_of(opened.index)
        where = f"{which} of {opened.vectors.source}, against the {tree_label(builder)}"
        if json is not None:
            divergence = asdict(found) if found is not None else None
            _write(json, opened, {"vector": opened.index, "divergence": divergence})
    typer.echo(_told(found, opened, where))
    if found is not None:
        raise typer.Exit(EXIT_DIFFERS)


def _told(found: Divergence | None, opened: Opened, where: str) -> str:
    if found is not None:
        return f"{where}:\n{describe(found, opened.model)}"
    return f"{where}:\nall {len(opened.model.operators)} operators agree"


def _write(path: Path, opened: Opened, result: dict[str, Any]) -> None:
    """The result with what identifies it."""
    document = {
        "schema": 1,
        "model": opened.model.name,
        "model_sha256": opened.model.sha256,
        "build_id": opened.image.build_id_hex,
        "target": opened.builder.target.name,
        "kernels": opened.builder.library.name,
        "board": opened.board.id,
        "kind": opened.board.kind.value,
        "vectors": opened.vectors.source,
        **result,
    }
    write_whole(path, (json_module.dumps(document, indent=1) + "\n").encode())
