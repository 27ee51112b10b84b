"""The host interpreters of a session, run in the background while a board is busy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from hil.data import Array
from hil.errors import HilError, ReferenceFailure
from hil.firmware.build import Builder
from hil.firmware.host_build import HostBuilder
from hil.model.info import ModelInfo
from hil.progress import Progress, silent
from hil.reference.reference import (
    DEFAULT_REFERENCES,
    Reference,
    ReferenceName,
    ReferenceResult,
    has_tflm_wheel,
    open_reference,
)
from hil.reference.tree import TreeReference

# None stands for a reference that was not needed in the end.
Pending = Mapping[ReferenceName, Future[ReferenceResult | None]]
Collected = tuple[dict[ReferenceName, ReferenceResult], dict[ReferenceName, HilError]]
WAITING = "wait for the host's interpreters"
STEP_S = 0.5  # how often progress is told


class References:
    """The host interpreters of a session, opened when first used and kept warm."""

    def __init__(
        self,
        names: Sequence[ReferenceName] = DEFAULT_REFERENCES,
        open_one: Callable[[ReferenceName], Reference] = open_reference,
    ) -> None:
        self.names = tuple(names)
        self._open_one = open_one
        self._interpreters: dict[ReferenceName, Reference] = {}
        self._trees: list[Reference] = []
        self._step: tuple[str, int, int] = (WAITING, 0, 0)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reference")

    def start(
        self,
        model: ModelInfo,
        inputs: Sequence[Array],
        builder: Builder,
        starts: Sequence[int] = (),
    ) -> Pending:
        """Begins to run the vectors on all of them, one after the other, in the background. What
        the model remembers is forgotten before the vectors `starts`.

        Where the wheel does not exist, or fails on the model, its place is taken by the builder's
        own tree.
        """
        names = self.names
        if ReferenceName.TFLM in names and not has_tflm_wheel():
            tree_first = (ReferenceName.TFLM_TREE, *names)
            names = tuple(dict.fromkeys(n for n in tree_first if n is not ReferenceName.TFLM))
        pending: dict[ReferenceName, Future[ReferenceResult | None]] = {
            name: self._pool.submit(self._chosen(name, builder).run, model, inputs, starts)
            for name in names
        }
        if ReferenceName.TFLM in pending and ReferenceName.TFLM_TREE not in pending:
            tree = self._chosen(ReferenceName.TFLM_TREE, builder)
            pending[ReferenceName.TFLM_TREE] = self._pool.submit(
                _run_if_failed, tree, pending[ReferenceName.TFLM], model, inputs, starts
            )
        return pending

    def _chosen(self, name: ReferenceName, builder: Builder) -> Reference:
        if name is not ReferenceName.TFLM_TREE:
            return self._interpreter(name)
        # Each is of one builder; several may be waiting for their turn.
        tree = TreeReference(HostBuilder.beside(builder), self._on_build)
        self._trees.append(tree)
        return tree

    def _on_build(self, step: str, done: int, total: int) -> None:
        self._step = (step, done, total)

    def collect(self, pending: Pending, on_progress: Progress = silent) -> Collected:
        """What the references gave, and what kept the others from it; meanwhile `on_progress` is
        told what they do: to build a TFLM tree for this host takes a minute the first time.
        """
        results: dict[ReferenceName, ReferenceResult] = {}
        errors: dict[ReferenceName, HilError] = {}
        for name, future in pending.items():
            while not wait([future], timeout=STEP_S).done:
                on_progress(*self._step)
            try:
                result = future.result()
            except HilError as error:
                errors[name] = error
                continue
            if result is not None:
                results[name] = result
        return results, errors

    def run(
        self,
        name: ReferenceName,
        model: ModelInfo,
        inputs: Sequence[Array],
        starts: Sequence[int] = (),
    ) -> ReferenceResult:
        """Runs the vectors on that one, asked for or not. Raises ReferenceFailure."""
        return self._pool.submit(self._interpreter(name).run, model, inputs, starts).result()

    def _interpreter(self, name: ReferenceName) -> Reference:
        if name not in self._interpreters:
            self._interpreters[name] = self._open_one(name)
        return self._interpreters[name]

    def close(self) -> None:
        """Ends them, whatever they are doing: what is still running is not wanted any more."""
        # Nothing may begin any more once one is killed: it would start its process again.
        self._pool.shutdown(wait=False, cancel_futures=True)
        for interpreter in (*self._interpreters.values(), *self._trees):
            interpreter.kill()
        self._pool.shutdown()
        for interpreter in self._interpreters.values():
            interpreter.close()


def _run_if_failed(
    tree: Reference,
    wheel: Future[ReferenceResult | None],
    model: ModelInfo,
    inputs: Sequence[Array],
    starts: Sequence[int],
) -> ReferenceResult | None:
    """The tree's outputs when the wheel, which had its turn before, failed; else None."""
    if wheel.cancelled() or not isinstance(wheel.exception(), ReferenceFailure):
        return None
    return tree.run(model, inputs, starts)


def cancel(pending: Pending) -> None:
    """Drops what has not begun: nobody is going to look at it."""
    for future in pending.values():
        future.cancel()
