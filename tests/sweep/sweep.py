"""Draws models, asks preflight, runs what passes, judges it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hil.model.flatbuffer import parse_model
from hil.model.info import ModelInfo
from hil.model.preflight import Limits, find_problems
from tests.sweep.batches import Runner, Task, batches, run_all
from tests.sweep.catalogue import Kind, draw
from tests.sweep.judges import Judgement, Judges
from tests.sweep.report import Table
from tests.sweep.vectors import vectors
from tests.sweep.verdict import Verdict, judged

BATCH = 96
# Of a kind that preflight never passes, this many are drawn for its reasons.
TRIES_WITHOUT_ANY = 12
TRIES = 200


@dataclass(frozen=True)
class Bench:
    """A kernel library with what preflight knows of it, and who runs its models."""

    library: str
    limits: Limits
    runner: Runner


@dataclass(frozen=True)
class Sample:
    """A model of a kind with its vectors."""

    kind: Kind
    model: ModelInfo
    task: Task


def samples(kind: Kind, seed: int) -> Iterator[Sample]:
    """Models of a kind without end, no two of them equal, each with vectors of its own."""
    seen: set[str] = set()
    for number, drawn in enumerate(draw(kind, seed)):
        model = parse_model(drawn.content(), f"{kind.operator}_{kind.type}_{number}")
        # A kind with few models would be drawn for ever: its last ones are given again.
        if model.sha256 in seen and number < TRIES:
            continue
        seen.add(model.sha256)
        task = Task(drawn, vectors(drawn, np.random.default_rng([seed, number])))
        yield Sample(kind, model, task)


def passing(sample: Sample, bench: Bench, table: Table) -> bool:
    """Whether preflight passes it; its first reason goes into the table when not."""
    problems = find_problems(sample.model, bench.limits)
    if problems:
        table.refuse(sample.kind, bench.library, problems[0].reason)
    return not problems


def chosen(kind: Kind, seed: int, count: int, bench: Bench, table: Table) -> list[Sample]:
    """The first `count` models of a kind that preflight passes; fewer when it hardly takes any."""
    found: list[Sample] = []
    for tried, sample in enumerate(itertools.islice(samples(kind, seed), TRIES)):
        if len(found) == count or (tried == TRIES_WITHOUT_ANY and not found):
            break
        if passing(sample, bench, table):
            found.append(sample)
    return found


class Asked:
    """Judgements, each model asked about once for all libraries."""

    def __init__(self, judges: Judges) -> None:
        self._judges = judges
        self._known: dict[str, Judgement] = {}

    def ask(self, sample: Sample) -> Judgement:
        """Both opinions on it."""
        key = sample.model.sha256
        if key not in self._known:
            self._known[key] = self._judges.ask(sample.task.drawn, sample.model, sample.task.inputs)
        return self._known[key]

    def ask_again(self, sample: Sample) -> Judgement:
        """Both opinions of processes that have run nothing else."""
        self._judges.restart()
        self._known.pop(sample.model.sha256, None)
        return self.ask(sample)


def run(
    chosen_samples: Sequence[Sample],
    bench: Bench,
    asked: Asked,
    table: Table,
    on_batch: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Runs the samples in batches and puts their verdicts into the table.

    Models of one type come together, so that a batch's image has that type's kernels alone.
    """
    ordered = sorted(chosen_samples, key=lambda s: (s.kind.type, s.kind.operator))
    by_task = {id(sample.task): sample for sample in ordered}
    done = 0
    for batch in batches([sample.task for sample in ordered], BATCH):
        for task, ran in zip(batch, run_all(bench.runner, batch), strict=True):
            sample = by_task[id(task)]
            result = judged(task, bench.library, ran, asked.ask(sample))
            if result.verdict is Verdict.WRONG:
                result = judged(task, bench.library, ran, asked.ask_again(sample))
            table.add(sample.kind, result)
        done += len(batch)
        on_batch(done, len(ordered))


def mixture(
    kinds: Sequence[Kind], seed: int, count: int, bench: Bench, table: Table
) -> list[Sample]:
    """About `count` models that preflight passes, spread over all kinds in a random order."""
    rng = np.random.default_rng(seed)
    streams: Mapping[Kind, Iterator[Sample]] = {kind: samples(kind, seed) for kind in kinds}
    alive = [kinds[i] for i in rng.permutation(len(kinds))]
    found: list[Sample] = []
    for kind in itertools.chain.from_iterable(itertools.repeat(alive, TRIES_WITHOUT_ANY)):
        if len(found) == count:
            break
        sample = next(streams[kind])
        if passing(sample, bench, table):
            found.append(sample)
    return found
