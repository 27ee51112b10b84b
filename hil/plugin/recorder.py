"""Takes runs and verdicts into the history as they end; only the controller has one."""

from __future__ import annotations

from pathlib import Path

from hil.errors import ConfigError, StoreError
from hil.record import RunResult, Verdict
from hil.store.location import default_location, is_url
from hil.store.spool import Spool, import_leftovers
from hil.store.store import Store, open_store
from hil.store.stored import SessionEnd, StoredRun, StoredSession, now_utc
from hil.vocab import RunOrigin


class Recorder:
    """Writes to the store as long as it works; what it does not take stays in the spool."""

    def __init__(self, location: str, root: Path, session: StoredSession) -> None:
        """Opens store and spool. Raises StoreError and ConfigError."""
        self.location = location
        self.session = session
        self.spool = Spool(root, session.session_id)
        self._store: Store | None = open_store(location)
        self.name = self._store.name
        self.failure: StoreError | None = None
        self.imported = import_leftovers(root, self._store)
        self.spool.open()
        self._runs: dict[tuple[str, str, str, str], StoredRun] = {}

    def take(self, result: RunResult, verdict: Verdict, place: int) -> None:
        """Keeps a verdict, and its run with the first one; `place` is the model's in its suite."""
        key = (result.suite or "", result.model, result.target, result.kernels)
        known = self._runs.get(key)
        if known is None:
            known = self._stored(result, place)
        known = known.model_copy(update={"verdicts": (*known.verdicts, verdict)})
        is_first = key not in self._runs
        self._runs[key] = known
        if self._store is None:
            self._keep(known)
            return
        try:
            if is_first:
                self._store.add_run(known)
            else:
                self._store.add_verdict(known.run_id, verdict)
        except StoreError as error:
            self._give_up(error)
            return
        self.spool.drop(known.run_id)

    def _stored(self, result: RunResult, place: int) -> StoredRun:
        if result.record is not None:
            return StoredRun.of(result.record, self.session, place)
        return StoredRun.failed(result, self.session, RunOrigin.SUITE, place)

    def _give_up(self, error: StoreError) -> None:
        """From here on all runs wait in the spool, those of before with the verdicts they miss."""
        self.failure = error
        if self._store is not None:
            self._store.close()
        self._store = None
        for run in self._runs.values():
            self._keep(run)

    def _keep(self, run: StoredRun) -> None:
        try:
            self.spool.write(run)
        except ConfigError as error:
            self.failure = StoreError(f"{self.failure}; nor can it be kept: {error.message}")

    def finish(self, exit_status: int, *, complete: bool) -> None:
        """Notes the end of the session."""
        self._take_unjudged()
        if self._store is not None and self._runs:
            end = SessionEnd(
                session_id=self.session.session_id,
                ended_utc=now_utc(),
                exit_status=exit_status,
                complete=complete,
            )
            try:
                self._store.end_session(end)
            except StoreError as error:
                self._give_up(error)
        if self._store is not None:
            self._store.close()
            self._store = None
        self.spool.close()

    def _take_unjudged(self) -> None:
        """Runs that no check asked for: a test of somebody's own did."""
        for path in self.spool.waiting() if self._store is not None else ():
            run = StoredRun.model_validate_json(path.read_bytes())
            try:
                assert self._store is not None
                self._store.add_run(run)
            except StoreError as error:
                self._give_up(error)
                return
            self._runs[(run.suite or "", run.model, run.target, run.kernels)] = run
            self.spool.drop(run.run_id)

    def lines(self) -> list[str]:
        """What the user should know of it."""
        if self.failure is not None:
            return [
                f"NOT in the history: {self.failure.message}",
                f"the runs wait in {self.spool.folder}: the next session, or `hil history`, "
                "takes them in",
            ]
        kept = len(self._runs)
        runs = "1 run" if kept == 1 else f"{kept} runs"
        lines = [f"history: {runs} kept in {_from_here(self.name)}"] if kept else []
        if self.imported:
            lines.append(f"history: {self.imported} runs of a session that died were taken in")
        return lines


def _from_here(name: str) -> str:
    """A path below the current folder as one sees it from there."""
    path = Path(name)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else name


def store_location(given: str | None, root: Path) -> str:
    """Where the history is, by option or ini file; relative paths are below pytest's root."""
    if not given:
        return default_location(root)
    return given if is_url(given) else str(root / given)
