"""A pytest session with targets: a plugin object, registered only then."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from typing import Any

import pytest

from hil.bench.bench import BenchChoice
from hil.errors import ConfigError, HilError, StoreError, UnsupportedModel
from hil.gate.change import Held
from hil.gate.gate import Gate, unsupported_verdict
from hil.gate.noise import More, NoiseFloor
from hil.plugin.broker import RunBroker, RunKey
from hil.plugin.choices import (
    check_distribution,
    check_outputs,
    kernel_libraries,
    load_targets,
)
from hil.plugin.fixtures import run_key
from hil.plugin.gating import (
    MARKER,
    Measured,
    check_limits,
    failures_of_test,
    floors_from,
    kind_of,
    make_gate,
    marked_limits,
    special_limits,
    vanished,
    vanished_suites,
)
from hil.plugin.options import Options, project_dir
from hil.plugin.outputs import Outcome, write_outputs
from hil.plugin.progress import ProgressDisplay
from hil.plugin.recorder import Recorder, store_location
from hil.plugin.results import Judged, Results, attach, attach_note, properties
from hil.plugin.summary import print_summary
from hil.plugin.vanished import VanishedItem
from hil.record import RunRecord, RunResult, Verdict
from hil.reference.reference import reference_names
from hil.source import source_commit
from hil.store.spool import Spool
from hil.store.stored import StoredRun, StoredSession
from hil.suite import Suite
from hil.target import Target
from hil.tflm.choice import DEFAULT_GENERATION
from hil.vocab import CheckName, Kind

EXIT_ONLY_BENCH_ERRORS = 10
# What the controller tells its workers.
WHOLE, STORED = "hil_whole", "hil_session"


class HilSession:
    """Targets, kernel libraries, the broker of runs, and what has come of them."""

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self.options = options
        self._config = config
        self._errors_told: list[HilError] = []
        self._was_interrupted = False
        self._write_failure = ""
        self._suites: dict[str, Suite] = {}
        self._floors: dict[str, Mapping[str, NoiseFloor]] = {}
        try:
            self.targets = load_targets(options, config)
            self.kernels = kernel_libraries(options.kernels, options.tflm)
            self.gate = make_gate(options, swept=len(self.kernels) > 1)
            references = reference_names(options.references)
            choice = BenchChoice(options.kind, options.probe, options.port)
            check_outputs(options)
            check_distribution(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
        self.stored = _stored_session(config)
        self.recorder = self._make_recorder()
        self.results = Results(self.recorder.take if self.recorder is not None else None)
        progress = ProgressDisplay(config)
        keep = None if options.no_store else self._keep
        self.broker = RunBroker(options, choice, references, progress, keep)

    @property
    def is_controller(self) -> bool:
        """Whether this process reports: false in an xdist worker."""
        return not hasattr(self._config, "workerinput")

    def targets_for(self, definition: pytest.Item) -> list[Target]:
        """The targets a Python test runs on, by its `hil_targets` marker."""
        patterns = [p for mark in definition.iter_markers("hil_targets") for p in mark.args]
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise pytest.UsageError(
                    f"{definition.nodeid}: hil_targets takes patterns: hil_targets('stm32*')"
                )
        return [
            target
            for target in self.targets
            if not patterns or any(fnmatch(target.name, pattern) for pattern in patterns)
        ]

    # ---- the history

    def _make_recorder(self) -> Recorder | None:
        """What keeps the runs, on the controller, unless nobody wants that."""
        if self.options.no_store or not self.is_controller or self._config.option.collectonly:
            return None
        root = project_dir(self._config)
        try:
            return Recorder(store_location(self.options.store, root), root, self.stored)
        except (StoreError, ConfigError) as error:
            raise pytest.UsageError(str(error)) from error

    def _keep(self, record: RunRecord, place: int) -> None:
        """Writes a record down where it was measured, in case this process does not live on."""
        spool = Spool(project_dir(self._config), self.stored.session_id)
        if spool.folder.is_dir():  # a worker on another host has none
            spool.write(StoredRun.of(record, self.stored, place))

    # ---- the gate

    def take_suite(self, suite: Suite) -> None:
        """Notes a suite that was collected. Raises ConfigError for limits that cannot be."""
        check_limits(suite)
        self._suites[suite.name] = suite

    def vanished(self, suite: Suite, parent: pytest.Collector) -> list[VanishedItem]:
        """What the baseline has of a suite, and the suite does not any more."""
        if self.gate is None:
            return []
        keys = vanished(self.gate, suite, self._measured)
        return [VanishedItem.of(parent, key, strict=self.gate.strict) for key in keys]

    def verdict(self, key: RunKey, check: CheckName, item: pytest.Item) -> Verdict:
        """The answer of a check, the gate's included. Raises the HilError that prevented the run,
        and ConfigError for a limit that cannot be.
        """
        special = special_limits(key, item)
        try:
            verdict = self.broker.verdict(key, check)
        except UnsupportedModel as error:
            if self.gate is None or not self._ran_in_the_baseline(self.gate, key):
                raise
            if self.gate.strict:
                return unsupported_verdict(check, error.message)
            raise UnsupportedModel(
                f"{error.message}; it ran in baseline {self.gate.baseline.name}", hint=error.hint
            ) from error
        if self.gate is None:
            return verdict
        record = self.broker.outcome(key).record
        return self._gate_for(record).judge(verdict, record, special, self._more(key))

    def _gate_for(self, record: RunRecord) -> Gate:
        """The gate; for a real board with what the history knows of the noise of such boards."""
        assert self.gate is not None
        if record.kind is not Kind.HARDWARE or self.options.no_store:
            return self.gate
        if record.target not in self._floors:
            location = store_location(self.options.store, project_dir(self._config))
            self._floors[record.target] = floors_from(location, record.target)
        return replace(self.gate, floors=self._floors)

    def _ran_in_the_baseline(self, gate: Gate, key: RunKey) -> bool:
        """Whether the baseline has a run that cannot be made any more."""
        names = (key.suite.name, key.model.label)
        return any(
            (known.suite, known.model) == names and self._measured.covers(known)
            for known in gate.keys
            if known.target == key.target.name
        )

    def _more(self, key: RunKey) -> More | None:
        """What takes further samples of a run and of what it is held against."""
        assert self.gate is not None
        record = self.broker.outcome(key).record
        before = self.gate.entry(record)
        if record.kind is not Kind.HARDWARE or before is None:
            return None
        return partial(self.broker.further_samples, key, before.subject.build_id)

    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Adds what the baseline has of suites that are gone, unless only some were asked for."""
        if self.gate is None or not self._is_whole:
            return
        for key in vanished_suites(self.gate, set(self._suites), self._measured):
            items.append(VanishedItem.of(session, key, strict=self.gate.strict))

    @property
    def _measured(self) -> Measured:
        names = tuple(target.name for target in self.targets)
        return Measured(names, kind_of(self.options))

    @property
    def _is_whole(self) -> bool:
        """Whether all suites there are were to be collected, rather than paths that were named."""
        worker = getattr(self._config, "workerinput", None)
        if worker is not None:
            return bool(worker[WHOLE])
        return self._config.args_source is not pytest.Config.ArgsSource.ARGS

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker what only the controller knows: to it all paths are named."""
        node.workerinput[WHOLE] = self._is_whole
        node.workerinput[STORED] = self.stored.model_dump_json()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Holds the run of a test written in Python to the limits of its hil_gate markers."""
        yield
        if self.gate is None or isinstance(item, Judged) or not any(item.iter_markers(MARKER)):
            return
        key = run_key(item, getattr(item, "funcargs", {}).get("hil_target"), self.kernels[0])
        record = self.broker.outcome(key).record
        gate = self._gate_for(record)
        told = failures_of_test(gate, record, marked_limits(item), self._more(key))
        if told:
            pytest.fail(told, pytrace=False)

    # ---- hooks

    def pytest_report_header(self) -> str:
        """One line: what is measured on what."""
        names = ", ".join(target.name for target in self.targets)
        board = f"probe {self.options.probe}" if self.options.probe else "emulated board"
        kernels = ", ".join(self.kernels)
        held = f", baseline {self.gate.baseline.name}" if self.gate is not None else ""
        tflm = self.options.tflm or DEFAULT_GENERATION
        return f"hil: target {names} ({board}), TFLM {tflm}, kernels {kernels}{held}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs tests with hil fixtures once per target; first, so that ids begin with it."""
        if "hil_target" in metafunc.fixturenames:
            targets = self.targets_for(metafunc.definition)
            # As in the ids of suite items, so that several workers keep a run's tests together.
            suffix = _model_suffix(metafunc.definition)
            names = [target.name + suffix for target in targets]
            metafunc.parametrize("hil_target", targets, indirect=True, ids=names, scope="session")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Keeps each run on one worker."""
        from hil.plugin.scheduling import RunScheduling

        names = [target.name for target in self.targets]
        return RunScheduling(config, log, targets=names, one_board=bool(self.options.probe))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Puts run and verdict on the report, on which they travel to the controller."""
        report = yield
        if isinstance(item, VanishedItem) and call.when == "call":
            attach_note(report, item.text)
        if isinstance(item, Judged) and item.key is not None:
            verdict = item.verdict_of(call)
            if report.failed and item.error is not None:
                report.longrepr = self._told(item.error)
            if verdict is not None:
                attach(report, item.key, verdict, *self.broker.take_record(item.key))
                # JUnit takes those that stand on the item at its end.
                item.user_properties += properties(verdict)
        return report

    def _told(self, error: HilError) -> str:
        """The error in full for the first check of a run, one line for the others.

        pytest would show how it came through pytest and hil: thousands of lines for a word.
        """
        if error in self._errors_told:
            return f"{error.message} (see the run's first check)"
        self._errors_told.append(error)
        return str(error)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collects what came, from this process or from a worker."""
        self.results.add(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Lets go of boards, and writes the results."""
        self.broker.close()
        if not self.is_controller:
            return
        self._was_interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and self.results.only_bench_errors:
            session.exitstatus = EXIT_ONLY_BENCH_ERRORS
        if self.recorder is not None:
            self.recorder.finish(int(session.exitstatus), complete=not self._was_interrupted)
        try:
            write_outputs(self.options, self._outcome())
        except HilError as error:
            self._write_failure = str(error)
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _outcome(self) -> Outcome:
        runs = self.results.runs()
        return Outcome(
            runs=runs,
            held=self._held(runs),
            notes=self.results.notes,
            session=self.stored,
            history=self.recorder.location if self.recorder is not None else None,
            is_interrupted=self._was_interrupted,
        )

    def _held(self, runs: Sequence[RunResult]) -> Held | None:
        """What runs are held against, None without a baseline."""
        return self.gate.held(runs) if self.gate is not None else None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints what came of it."""
        if not self.is_controller:
            return
        kept = self.recorder.lines() if self.recorder is not None else []
        print_summary(terminalreporter, self.options, self._outcome(), kept, self._write_failure)

    def pytest_unconfigure(self) -> None:
        """Lets go of boards when the session never got to its end."""
        self.broker.close()


def session_of(config: pytest.Config) -> HilSession | None:
    """The session plugin, or None without targets."""
    from hil.plugin import SESSION_PLUGIN

    session: HilSession | None = config.pluginmanager.get_plugin(SESSION_PLUGIN)
    return session


def _stored_session(config: pytest.Config) -> StoredSession:
    """This session as the history knows it; a worker's is the controller's."""
    told = getattr(config, "workerinput", {}).get(STORED)
    if told is not None:
        return StoredSession.model_validate_json(told)
    arguments = [str(argument) for argument in config.invocation_params.args]
    return StoredSession.begin(["pytest", *arguments], source_commit(project_dir(config)))


def _model_suffix(definition: pytest.Item) -> str:
    marker = definition.get_closest_marker("hil")
    model = marker.kwargs.get("model") if marker is not None else None
    return f"-{model}" if isinstance(model, str) else ""
