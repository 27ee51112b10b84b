"""The history."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hil.errors import StoreError
from hil.record import Verdict
from hil.store.engine import HEAD, hidden, open_engine
from hil.store.store import RunFilter, Store, open_store
from hil.store.stored import SessionEnd, StoredSession
from hil.store.tables import METADATA, VERSION_TABLE
from hil.vocab import CheckName, RunOrigin, Status
from tests.conftest import ROOT
from tests.entries import changed_record, hardware_record
from tests.stored import SESSION, failed_run, make_run

FIRST_REVISION = Path(__file__).parent / "revision_0001.sql"


@pytest.fixture
def location(tmp_path: Path) -> str:
    return str(tmp_path / "a b?c#d%20" / ".hil" / "history.sqlite")  # names are no URLs


@pytest.fixture
def store(location: str) -> Iterator[Store]:
    opened = open_store(location)
    yield opened
    opened.close()


# ---- what is kept


def test_a_run_comes_back_as_it_was_with_raw_samples_and_verdicts(store: Store) -> None:
    run = make_run(1)
    assert store.add_run(run)
    later = Verdict(check=CheckName.FLASH, status=Status.FAIL, reason="too large")
    store.add_verdict(run.run_id, later)
    found = store.run(run.run_id)
    assert found.record == run.record
    assert found.record is not None
    assert found.record.samples.latency_instructions == (990, 1010)
    assert [verdict.status for verdict in found.verdicts] == [Status.PASS, Status.FAIL]
    assert found.session == SESSION
    assert found.result().status is Status.FAIL


def test_a_run_without_a_result_is_kept_with_its_reason(store: Store) -> None:
    run = failed_run()
    store.add_run(run)
    (point,) = store.points()
    assert point.status is Status.ERROR
    assert point.reason == "no probe"
    assert point.latency is None
    assert store.run(run.run_id).result().reason == "no probe"


def test_what_is_there_is_never_changed(store: Store) -> None:
    run = make_run(1)
    assert store.add_run(run)
    changed = run.model_copy(update={"reason": "other", "record": None})
    assert not store.add_run(changed)
    store.add_verdict(run.run_id, Verdict(check=CheckName.ARENA, status=Status.FAIL, reason="x"))
    found = store.run(run.run_id)
    assert found.record == run.record
    assert found.verdicts == run.verdicts


def test_nothing_but_prune_updates_or_deletes() -> None:
    source = "".join(path.read_text() for path in (ROOT / "hil" / "store").glob("*.py"))
    assert ".update()" not in source
    assert source.count(".delete()") == 2  # both in Store.remove


def test_points_have_the_figures_of_their_kind_newest_first(store: Store) -> None:
    store.add_run(make_run(1))
    store.add_run(make_run(2, hardware_record([1000, 1200, 1100])))
    hardware, emulated = store.points()
    assert (hardware.latency, emulated.latency) == (1100.0, 1000.0)
    assert emulated.accuracy == 0.95
    assert emulated.arena_bytes == emulated.flash_bytes == 5000
    assert emulated.build_id == "bb"


def test_points_are_filtered_and_limited(store: Store) -> None:
    for number in range(5):
        store.add_run(make_run(number))
    store.add_run(make_run(9, changed_record(model="other", suite=None, origin="run")))
    assert [p.run_id[-1] for p in store.points(limit=3)] == ["9", "4", "3"]
    assert len(store.points(RunFilter(model="other"))) == 1
    assert len(store.points(RunFilter(suite="digits"))) == 5
    assert len(store.points(RunFilter(since_utc="2026-01-01T00:00:03"))) == 3
    assert len(store.points(RunFilter(origin=RunOrigin.RUN.value))) == 1


def test_more_runs_than_one_statement_takes_values(store: Store) -> None:
    runs = [make_run(number) for number in range(600)]
    for run in runs:
        store.add_run(run)
    assert [run.run_id for run in store.runs()] == [run.run_id for run in runs]
    assert all(point.status is Status.PASS for point in store.points())


def test_a_run_is_found_by_what_tells_it_from_others(store: Store) -> None:
    store.add_run(make_run(1))
    store.add_run(make_run(2))
    assert store.run("20260101T000001").run_id == make_run(1).run_id
    assert store.run("00000002").run_id == make_run(2).run_id
    with pytest.raises(StoreError, match="2 runs begin with '20260101'"):
        store.run("20260101")
    with pytest.raises(StoreError, match="there is no run '2027"):
        store.run("20270101T000000")
    with pytest.raises(StoreError, match="no run '%'"):
        store.run("%")


def test_the_latest_session_is_that_of_suites(store: Store) -> None:
    with pytest.raises(StoreError, match="has no session of suites"):
        store.latest_session()
    store.add_run(make_run(1))
    other = SESSION.model_copy(update={"session_id": "later"})
    store.add_run(make_run(2, changed_record(origin="run"), session=other))
    assert store.latest_session() == SESSION.session_id
    assert store.session_end(SESSION.session_id) is None
    end = SessionEnd(session_id=SESSION.session_id, ended_utc="2026", exit_status=1, complete=False)
    store.end_session(end)
    assert store.session_end(SESSION.session_id) == end


# ---- several stores


def test_merging_twice_is_merging_once(store: Store, tmp_path: Path) -> None:
    other = open_store(str(tmp_path / "other.sqlite"))
    for number in range(3):
        other.add_run(make_run(number))
    store.add_run(make_run(2))
    assert store.merge(other) == 2
    assert store.merge(other) == 0
    assert store.count() == 3
    assert store.runs() == other.runs()


def test_removed_runs_are_gone_with_their_verdicts_and_sessions(store: Store) -> None:
    store.add_run(make_run(1))
    store.add_run(make_run(2))
    store.remove([make_run(1).run_id])
    assert [run.run_id for run in store.runs()] == [make_run(2).run_id]
    store.remove([make_run(2).run_id])
    assert store.add_run(make_run(1).model_copy(update={"verdicts": ()}))
    assert store.run(make_run(1).run_id).verdicts == ()


# ---- the file


def test_the_migrations_make_exactly_the_tables(store: Store, location: str) -> None:
    engine = sa.create_engine(sa.URL.create("sqlite", database=location))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, METADATA) == []


def test_a_history_of_the_first_revision_opens_with_its_runs(location: str) -> None:
    Path(location).parent.mkdir(parents=True)
    with sqlite3.connect(location) as connection:
        connection.executescript(FIRST_REVISION.read_text())
    connection.close()
    store = open_store(location)
    (run,) = store.runs()
    assert run.record == make_run(1).record
    assert run.verdicts == make_run(1).verdicts
    assert store.add_run(make_run(2))


def test_a_history_of_a_newer_hil_is_refused(store: Store, location: str) -> None:
    with sqlite3.connect(location) as connection:
        connection.execute("UPDATE hil_revision SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="made by a newer hil") as caught:
        open_store(location)
    assert "upgrade tflm-hil" in caught.value.hint


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
    connection.close()
    with pytest.raises(StoreError, match="of another program: alembic_version, photos"):
        open_store(str(path))
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert sorted(names) == [("alembic_version",), ("photos",)]


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        (
            "--hil-store=postgresql+psycopg://me:pw@h/d",
            "--hil-store=postgresql+psycopg://me:***@h/d",
        ),
        ("postgresql://h/d?user=me&password=pw&x=1", "postgresql://h/d?user=me&password=***&x=1"),
        ("suites/har", "suites/har"),
    ],
)
def test_no_password_is_kept_with_a_sessions_arguments(argument: str, kept: str) -> None:
    assert StoredSession.begin([argument], None).arguments == (kept,)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_text("this is a text of some length, and no database at all\n" * 50)
    with pytest.raises(StoreError, match="cannot open the history"):
        open_store(str(path))
    assert path.read_text().startswith("this is a text")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("nosuch://host/x", "is no database URL"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/x", "cannot open the history"),
        ("/proc/nowhere/x.sqlite", "cannot open the history"),
    ],
)
def test_what_cannot_be_opened_says_what_to_do(location: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_store(location)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_passwords_are_hidden() -> None:
    assert hidden("postgresql://me:secret@host/x") == "postgresql://me:***@host/x"
    assert hidden("a/path.sqlite") == "a/path.sqlite"


def test_the_folder_is_kept_out_of_version_control(store: Store, location: str) -> None:
    assert (Path(location).parent / ".gitignore").read_text() == "*\n"


def test_opening_what_is_up_to_date_imports_no_alembic(store: Store, location: str) -> None:
    code = (
        "import sys; from hil.store.store import open_store; open_store(sys.argv[1]).points();"
        "print({'alembic', 'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, location], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


# ---- several processes

WRITER = """\
import sys
from hil.store.store import open_store
from tests.stored import make_run
first, count = int(sys.argv[2]), int(sys.argv[3])
store = open_store(sys.argv[1])
for number in range(first, first + count):
    store.add_run(make_run(number))
    print(number, flush=True)
"""


def writer(location: str, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, location, str(first), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_several_processes_make_and_write_one_history_and_lose_nothing(location: str) -> None:
    writers = [writer(location, first, 100) for first in (0, 100, 200)]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    store = open_store(location)
    assert [run.place for run in store.runs()] == list(range(300))
    assert all(run.verdicts for run in store.runs())


def test_kill_9_loses_at_most_the_run_being_written(location: str) -> None:
    process = writer(location, 0, 100_000)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    told += process.communicate(timeout=10)[0].splitlines()
    store = open_store(location)
    kept = store.count()
    assert len([line for line in told if line.strip()]) <= kept <= len(told) + 1
    store.add_run(make_run(200_000))
    engine = open_engine(location)
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
