"""The history: runs and verdicts of all sessions, inserted as they end and never changed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from hil.errors import StoreError, did_you_mean
from hil.record import Verdict, worst_status
from hil.store.engine import WRITES, hidden, open_engine, plain
from hil.store.history import HistoryPoint
from hil.store.stored import SessionEnd, StoredRun, StoredSession
from hil.store.tables import ALL, RUN, SESSION, SESSION_END, VERDICT
from hil.vocab import CheckName, Kind, RunOrigin, Scheme, Status

# How many values one statement takes: SQLite's oldest limit is 999.
CHUNK = 500
MANY = 10_000


@dataclass(frozen=True)
class RunFilter:
    """Which runs are meant; None: all. `since_utc` is the start of an ISO 8601 time."""

    suite: str | None = None
    model: str | None = None
    target: str | None = None
    kernels: str | None = None
    kind: str | None = None
    origin: str | None = None
    session_id: str | None = None
    since_utc: str | None = None

    def clauses(self) -> Iterator[sa.ColumnElement[bool]]:
        """As conditions on the table of runs."""
        for name in ("suite", "model", "target", "kernels", "kind", "origin", "session_id"):
            value = getattr(self, name)
            if value is not None:
                yield RUN.c[name] == value
        if self.since_utc is not None:
            yield RUN.c.started_utc >= self.since_utc


ALL_RUNS = RunFilter()


class Store:
    """An open history. Every method raises StoreError when the database fails."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self.name = name
        self._known_sessions: set[str] = set()

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()

    # ---- writing

    def add_session(self, session: StoredSession) -> None:
        """Notes a session; one that is there already stays."""
        if session.session_id in self._known_sessions:
            return
        values = session.model_dump() | {"arguments": json.dumps(session.arguments)}
        self._insert(SESSION, values)
        self._known_sessions.add(session.session_id)

    def end_session(self, end: SessionEnd) -> None:
        """Notes how a session ended."""
        self._insert(SESSION_END, end.model_dump())

    def add_run(self, run: StoredRun) -> bool:
        """Keeps a run, its session and its verdicts; False when it was there already."""
        self.add_session(run.session)
        rows = [(RUN, _row(run)), *((VERDICT, _verdict_row(run.run_id, v)) for v in run.verdicts)]
        try:
            with self._told(), self._writing() as connection:
                for table, values in rows:
                    connection.execute(table.insert().values(values))
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            is_new, *_ = [self._insert(table, values) for table, values in rows]
            return is_new
        return True

    def add_verdict(self, run_id: str, verdict: Verdict) -> None:
        """Keeps the answer of a check; one that is there already stays."""
        self._insert(VERDICT, _verdict_row(run_id, verdict))

    def _insert(self, table: sa.Table, values: dict[str, Any]) -> bool:
        with self._told(), self._writing() as connection:
            try:
                connection.execute(table.insert().values(values))
            except IntegrityError:
                # Known by its key. PostgreSQL gives up the whole transaction: it held nothing else.
                connection.rollback()
                return False
        return True

    # ---- reading

    def points(self, which: RunFilter = ALL_RUNS, limit: int = MANY) -> list[HistoryPoint]:
        """The newest runs as lines of the history, newest first."""
        columns = [column for column in RUN.c if column is not RUN.c.body]
        query = (
            sa.select(*columns)
            .where(*which.clauses())
            .order_by(RUN.c.started_utc.desc(), RUN.c.run_id.desc())
            .limit(limit)
        )
        with self._told(), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            statuses = self._statuses(connection, [row["run_id"] for row in rows])
        return [_point(row, statuses.get(row["run_id"])) for row in rows]

    def run(self, run_id: str) -> StoredRun:
        """The run with that id, or with the only one that begins so, in its time or in its random
        digits. Raises StoreError.
        """
        column = RUN.c.run_id
        query = sa.select(column).where(
            column.startswith(run_id, autoescape=True)
            | column.contains(f"-{run_id}", autoescape=True)
        )
        with self._told(), self._engine.connect() as connection:
            found = list(connection.execute(query.limit(MANY)).scalars())
        if run_id in found or len(found) == 1:
            return self._load([run_id if run_id in found else found[0]])[0]
        if found:
            raise StoreError(f"{len(found)} runs begin with {run_id!r}", hint="give more digits")
        known = [point.run_id for point in self.points(limit=CHUNK)]
        raise StoreError(
            f"there is no run {run_id!r} in {self.name}",
            hint=did_you_mean(run_id, known) if known else "it is empty",
        )

    def runs(self, which: RunFilter = ALL_RUNS, limit: int = MANY) -> list[StoredRun]:
        """Whole runs, oldest first, those of a session in their order."""
        query = (
            sa.select(RUN.c.run_id)
            .where(*which.clauses())
            .order_by(RUN.c.started_utc.desc(), RUN.c.place.desc(), RUN.c.run_id.desc())
            .limit(limit)
        )
        with self._told(), self._engine.connect() as connection:
            ids = list(connection.execute(query).scalars())
        return self._load(ids[::-1])

    def latest_session(self, origin: RunOrigin = RunOrigin.SUITE) -> str:
        """The newest session that has runs of that origin. Raises StoreError when none has."""
        query = (
            sa.select(RUN.c.session_id)
            .where(RUN.c.origin == origin.value)
            .order_by(RUN.c.started_utc.desc())
            .limit(1)
        )
        with self._told(), self._engine.connect() as connection:
            found: str | None = connection.execute(query).scalar()
        if found is None:
            raise StoreError(
                f"the history {self.name} has no session of suites", hint="run pytest --target NAME"
            )
        return found

    def session_runs(self, session_id: str) -> list[StoredRun]:
        """All runs of a session, in their order."""
        runs = self.runs(RunFilter(session_id=session_id))
        return sorted(runs, key=lambda r: (r.target, r.suite or "", r.kernels, r.place))

    def session_end(self, session_id: str) -> SessionEnd | None:
        """How a session ended; None when it was killed, or goes on."""
        query = sa.select(SESSION_END).where(SESSION_END.c.session_id == session_id)
        with self._told(), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else SessionEnd(**row)

    # ---- several stores

    def merge(self, other: Store) -> int:
        """Takes over all that `other` has and this one does not; how many runs that were.

        Doing it twice changes nothing.
        """
        before = self.count()
        with other._told(), other._engine.connect() as source:
            for table in ALL:
                keys = list(table.primary_key.columns)
                rows = source.execute(sa.select(*keys)).all()
                with self._told(), self._engine.connect() as connection:
                    mine = set(connection.execute(sa.select(*keys)).all())
                missing = [tuple(row) for row in rows if row not in mine]
                for chunk in _chunks(missing):
                    wanted = sa.tuple_(*keys).in_(chunk)
                    whole = source.execute(sa.select(table).where(wanted)).mappings().all()
                    self._insert_all(table, [dict(row) for row in whole])
        return self.count() - before

    def _insert_all(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """All rows at once, or one by one when somebody else wrote one of them meanwhile."""
        try:
            with self._told(), self._writing() as connection:
                connection.execute(table.insert(), rows)
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            for row in rows:
                self._insert(table, row)

    def remove(self, run_ids: Sequence[str]) -> None:
        """Forgets runs, their verdicts, and sessions of which none is left."""
        self._known_sessions.clear()
        with self._told(), self._writing() as connection:
            for chunk in _chunks(run_ids):
                for table in (RUN, VERDICT):
                    connection.execute(table.delete().where(table.c.run_id.in_(chunk)))
            left = sa.select(RUN.c.session_id)
            for table in (SESSION, SESSION_END):
                connection.execute(table.delete().where(table.c.session_id.not_in(left)))
        if self._engine.dialect.name == "sqlite":
            with self._told(), self._engine.connect() as connection:
                raw = connection.connection.cursor()
                raw.execute("VACUUM")

    def count(self, which: RunFilter = ALL_RUNS) -> int:
        """How many runs there are."""
        query = sa.select(sa.func.count()).select_from(RUN).where(*which.clauses())
        with self._told(), self._engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    # ---- rows

    def _load(self, run_ids: Sequence[str]) -> list[StoredRun]:
        bodies: dict[str, tuple[str, bytes]] = {}
        sessions: dict[str, StoredSession] = {}
        verdicts: dict[str, list[Verdict]] = {}
        with self._told(), self._engine.connect() as connection:
            for chunk in _chunks(run_ids):
                query = sa.select(RUN.c.run_id, RUN.c.session_id, RUN.c.body)
                for run_id, session_id, body in connection.execute(
                    query.where(RUN.c.run_id.in_(chunk))
                ):
                    bodies[run_id] = session_id, body
                rows = sa.select(VERDICT.c.run_id, VERDICT.c.body)
                for run_id, text in connection.execute(rows.where(VERDICT.c.run_id.in_(chunk))):
                    verdicts.setdefault(run_id, []).append(Verdict.model_validate_json(text))
            for found in verdicts.values():
                found.sort(key=lambda verdict: list(CheckName).index(verdict.check))
            for chunk in _chunks(sorted({session for session, _ in bodies.values()})):
                wanted = sa.select(SESSION).where(SESSION.c.session_id.in_(chunk))
                for row in connection.execute(wanted).mappings():
                    arguments = tuple(json.loads(row["arguments"]))
                    session = StoredSession(**(dict(row) | {"arguments": arguments}))
                    sessions[session.session_id] = session
        return [
            _unpacked(body, sessions[session_id], verdicts.get(run_id, ()), run_id)
            for run_id in run_ids
            for session_id, body in [bodies[run_id]]
        ]

    def _statuses(self, connection: sa.Connection, run_ids: Sequence[str]) -> dict[str, Status]:
        found: dict[str, set[Status]] = {}
        for chunk in _chunks(run_ids):
            query = sa.select(VERDICT.c.run_id, VERDICT.c.status).where(VERDICT.c.run_id.in_(chunk))
            for run_id, status in connection.execute(query):
                found.setdefault(run_id, set()).add(Status(status))
        return {run_id: worst_status(statuses) for run_id, statuses in found.items()}

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.execution_options(**{WRITES: True}).connect() as connection:
            yield connection
            connection.commit()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database as ours."""
        try:
            yield
        except SQLAlchemyError as error:
            raise StoreError(f"the history {self.name} fails: {plain(error)}") from error


def open_store(location: str) -> Store:
    """The history at a path (SQLite) or URL, made when it is not there. Raises StoreError."""
    return Store(open_engine(location), hidden(location))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _row(run: StoredRun) -> dict[str, Any]:
    """A run as the columns of its table."""
    record = run.record
    values: dict[str, Any] = {
        "run_id": run.run_id,
        "session_id": run.session.session_id,
        "place": run.place,
        "started_utc": run.started_utc,
        "origin": run.origin.value,
        "suite": run.suite,
        "model": run.model,
        "target": run.target,
        "kernels": run.kernels,
        "source_commit": run.session.source_commit,
        "scheme": run.host_only.scheme.value if run.host_only is not None else None,
        "reason": run.reason,
        "body": run.pack(),
    }
    if record is not None:
        metrics = record.metrics
        latency = metrics.latency_median_instructions
        values |= {
            "scheme": record.scheme.value,
            "board": record.board,
            "kind": record.kind.value,
            "source_commit": record.subject.source_commit,
            "build_id": record.subject.build_id,
            "accuracy": metrics.accuracy_device,
            "latency": metrics.latency_median_cycles if latency is None else latency,
            "latency_ms": metrics.latency_median_ms,
            "arena_bytes": metrics.arena_used_bytes,
            "flash_bytes": metrics.flash_bytes,
        }
    return values


def _verdict_row(run_id: str, verdict: Verdict) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "check_name": verdict.check.value,
        "status": verdict.status.value,
        "body": verdict.model_dump_json(),
    }


def _point(row: sa.RowMapping, status: Status | None) -> HistoryPoint:
    values = {name: row[name] for name in row if name != "place"}
    return HistoryPoint(
        **(
            values
            | {
                "origin": RunOrigin(row["origin"]),
                "scheme": Scheme(row["scheme"]) if row["scheme"] is not None else None,
                "kind": Kind(row["kind"]) if row["kind"] is not None else None,
                "kernels": row["kernels"],
                "status": status,
            }
        )
    )


def _unpacked(
    body: bytes, session: StoredSession, verdicts: Iterable[Verdict], run_id: str
) -> StoredRun:
    try:
        return StoredRun.unpack(body, session, list(verdicts))
    except ValueError as error:
        raise StoreError(
            f"run {run_id} in the history cannot be read: {str(error).splitlines()[0]}",
            hint="was it written by a newer hil?",
        ) from error
