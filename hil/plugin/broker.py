"""Measures each run once, whatever asks for it and in whatever order; failures are kept too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from hil.bench.bench import Bench, BenchChoice
from hil.bundle.measure import measure_with_evidence
from hil.checks.judge import judge, oracle_of
from hil.device import Device, start_device
from hil.errors import HilError, UnsupportedModel
from hil.explain import difference_of, explain_difference
from hil.firmware.build import NDEBUG, Builder
from hil.firmware.cache import Cache
from hil.host_score import HostScorer
from hil.measure import Job
from hil.model.flatbuffer import read_model
from hil.model.info import ModelInfo
from hil.model.preflight import require_runnable
from hil.outcome import Outcome
from hil.plugin.options import Options
from hil.plugin.progress import ProgressDisplay
from hil.record import BothLatencies, HostOnly, RunRecord, Verdict
from hil.reference.reference import ReferenceName
from hil.reference.references import References
from hil.repeat import Repeats, Side, cached_image, model_in
from hil.source import source_commit
from hil.suite import Suite, SuiteModel
from hil.suite_data import SuiteData
from hil.target import Target
from hil.tflm.kernels import library_rank
from hil.tflm.locate import locate_tflm
from hil.tflm.source import TflmSource
from hil.vocab import CheckName, Status


@dataclass(frozen=True)
class RunKey:
    """What makes a run one and the same."""

    suite: Suite
    model: SuiteModel
    target: Target
    kernels: str

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Names to find it by."""
        return (
            str(self.suite.folder),
            self.model.label,
            self.target.name,
            self.kernels,
        )

    @property
    def place(self) -> list[str | int]:
        """Where it stands among others in reports: sorts by target, suite, kernels and model."""
        kernels = library_rank(self.kernels)
        return [
            self.target.name,
            str(self.suite.folder),
            kernels,
            self.suite.models.index(self.model),
        ]

    @property
    def label(self) -> str:
        """Its name for people."""
        return f"{self.model.label} on {self.target.name}"


OnRecord = Callable[[RunRecord, int], None]


@dataclass
class _Entry:
    """What came of a run: an outcome or the error that prevented it."""

    outcome: Outcome | None = None
    error: HilError | None = None
    model: ModelInfo | None = None
    host_only: HostOnly | None = None
    verdicts: dict[CheckName, Verdict] = field(default_factory=dict)
    record_taken: bool = False
    repeats: Repeats | None = None


class RunBroker:
    """Owns the bench, the references and the builders of a session."""

    def __init__(
        self,
        options: Options,
        choice: BenchChoice,
        references: Sequence[ReferenceName],
        progress: ProgressDisplay,
        on_record: OnRecord | None = None,
    ) -> None:
        """`on_record` is told each record as soon as it is there, before its checks are judged."""
        self._on_record = on_record
        self._options = options
        self._progress = progress
        self.bench = Bench(choice)
        self._references = References(references)
        self._builders: dict[tuple[str, str], Builder] = {}
        self._data: dict[Path, SuiteData] = {}
        self._commits: dict[Path, str | None] = {}
        self._runs: dict[tuple[str, str, str, str], _Entry] = {}

    @cached_property
    def tflm(self) -> TflmSource:
        """The TFLM tree of the session. Raises BuildError."""
        return locate_tflm(self._options.tflm)

    def builder(self, target: Target, kernels: str) -> Builder:
        """The builder for a target and kernel library."""
        key = (target.name, kernels)
        if key not in self._builders:
            flags = (f"-{self._options.optimization}", NDEBUG)
            cache = Cache(max_bytes=self._options.cache_max_bytes)
            self._builders[key] = Builder(target, self.tflm, kernels, flags, cache)
        return self._builders[key]

    def model(self, key: RunKey) -> ModelInfo:
        """The model of a run, read once. Raises ModelError."""
        entry = self._entry(key)
        if entry.model is None:
            model = read_model(key.suite.model_path(key.model))
            entry.model = model
        return entry.model

    def outcome(self, key: RunKey) -> Outcome:
        """What was measured, now if not before. Raises the HilError that prevented it."""
        entry = self._entry(key)
        if entry.outcome is None and entry.error is None:
            try:
                entry.outcome = self._measure(key)
            except HilError as error:
                entry.error = error
            self._ask_host(key, entry)
        if entry.error is not None:
            raise entry.error
        assert entry.outcome is not None
        return entry.outcome

    def verdict(self, key: RunKey, check: CheckName) -> Verdict:
        """The answer of a check. Raises the HilError that prevented the run."""
        outcome = self.outcome(key)
        entry = self._entry(key)
        if check not in entry.verdicts:
            limits = key.suite.limits(key.model)
            verdict = judge(check, outcome, limits, key.suite.metric)
            if check is CheckName.OUTPUTS and verdict.status is Status.FAIL:
                verdict = self._explained(key, outcome, verdict)
            entry.verdicts[check] = verdict
        return entry.verdicts[check]

    def _explained(self, key: RunKey, outcome: Outcome, verdict: Verdict) -> Verdict:
        """The verdict with the operator that is first to differ."""
        oracle = oracle_of(outcome)
        if oracle is None:
            return verdict
        model = self.model(key)
        with self._progress.run(key.label) as on_progress:
            on_progress("look for the operator", 0, 0)
            said = explain_difference(
                self.builder(key.target, key.kernels),
                outcome.image,
                self.bench.board(key.target),
                model,
                self._suite_data(key.suite).vectors(model, key.model.function),
                difference_of(outcome, oracle),
                on_progress,
            )
        return verdict.model_copy(update={"reason": f"{verdict.reason}\n{said}"})

    def open_device(self, key: RunKey) -> Device:
        """The board with the key's image, reset, greeted and allocated. Raises HilError."""
        image = self.builder(key.target, key.kernels).build(self.preflight(key))
        return start_device(self.bench.board(key.target), image, key.target)

    def further_samples(self, key: RunKey, build_id: str) -> BothLatencies:
        """Latencies of the image with `build_id`, if the cache still has it, and of the key's, in
        turn. Raises HilError.
        """
        entry, builder = self._entry(key), self.builder(key.target, key.kernels)
        assert entry.outcome is not None
        if entry.repeats is None:
            data, model = self._suite_data(key.suite), self.model(key)
            image = cached_image(builder.cache, build_id)
            before = None
            if image is not None:
                older = model_in(image)
                before = Side(image, older, data.vectors(older, key.model.function))
            after = Side(entry.outcome.image, model, data.vectors(model, key.model.function))
            board = self.bench.board(key.target)
            entry.repeats = Repeats(board, key.target, before, after)
        with self._progress.run(key.label) as on_progress:
            on_progress("measure again", 0, 0)
            return entry.repeats()

    def take_record(self, key: RunKey) -> tuple[RunRecord | None, HostOnly | None]:
        """The record of a run and what the host alone says, to the first who asks.

        None before it is measured, and after; no record when it could not be measured.
        """
        entry = self._entry(key)
        if entry.record_taken or (entry.outcome is None and entry.error is None):
            return None, None
        entry.record_taken = True
        return entry.outcome.record if entry.outcome is not None else None, entry.host_only

    def preflight(self, key: RunKey) -> ModelInfo:
        """The model, if nothing in its file keeps it from running. Raises UnsupportedModel."""
        model = self.model(key)
        require_runnable(model, self.builder(key.target, key.kernels).limits())
        return model

    def _entry(self, key: RunKey) -> _Entry:
        return self._runs.setdefault(key.identity, _Entry())

    def _measure(self, key: RunKey) -> Outcome:
        with self._progress.run(key.label) as on_progress:
            # The board starts while the model is looked at and built.
            board = self.bench.board(key.target)
            board.warm_up()
            model = self.preflight(key)
            data = self._suite_data(key.suite)
            job = Job(
                suite=key.suite.name,
                model=model,
                model_label=key.model.label,
                vectors=data.vectors(model, key.model.function),
                metric=key.suite.metric,
                data=data,
                builder=self.builder(key.target, key.kernels),
                rounds=self._options.rounds,
                frame_log=self._frame_log(key),
                source_commit=self._source_commit(key.suite.folder),
            )
            outcome = measure_with_evidence(
                job,
                board,
                self._references,
                key.suite.limits(key.model),
                self._options.bundle,
                on_progress,
            )
        if self._on_record is not None:
            self._on_record(outcome.record, key.suite.models.index(key.model))
        return outcome

    def _ask_host(self, key: RunKey, entry: _Entry) -> None:
        """What LiteRT alone can say: of a model that the board cannot run, and of a larger set."""
        own = key.model.function  # what it takes is not what the larger set has
        function = key.suite.host_function if self._options.compare_schemes and not own else None
        is_unsupported = isinstance(entry.error, UnsupportedModel)
        if entry.model is None or not (is_unsupported or function):
            return
        model, data = entry.model, self._suite_data(key.suite)
        entry.host_only = HostScorer(self._references, model, key.suite.metric, data).host_only(
            same_vectors=partial(data.vectors, model, own) if is_unsupported else None,
            larger_set=partial(data.vectors, model, function) if function else None,
        )

    def _suite_data(self, suite: Suite) -> SuiteData:
        if suite.data_path not in self._data:
            self._data[suite.data_path] = SuiteData(suite.data_path, suite.data_function)
        return self._data[suite.data_path]

    def _source_commit(self, folder: Path) -> str | None:
        if folder not in self._commits:
            self._commits[folder] = source_commit(folder)
        return self._commits[folder]

    def _frame_log(self, key: RunKey) -> Path | None:
        if self._options.log_dir is None:
            return None
        name = f"{key.target.name}-{key.suite.name}-{key.model.label}-{key.kernels}.jsonl"
        return self._options.log_dir / name

    def close(self) -> None:
        """Lets go of boards and child processes."""
        self.bench.close()
        self._references.close()
