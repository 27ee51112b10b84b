"""The history on a real PostgreSQL server, started here for the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from hil.errors import StoreError
from hil.record import Verdict
from hil.store.store import open_store
from hil.store.tables import METADATA, VERSION_TABLE
from hil.vocab import CheckName, Status
from tests.store.test_store import writer
from tests.stored import SESSION, failed_run, make_run

pytestmark = pytest.mark.postgres

USER = "postgres"  # Debian's; the server refuses to run as root
TIMEOUT_S = 60


def server_programs() -> Path | None:
    """The folder of the newest server's programs, None when there is no server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def as_user(*command: object) -> None:
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        words = ["runuser", "-u", USER, "--", *words]
    subprocess.run(words, check=True, capture_output=True, timeout=TIMEOUT_S, cwd="/")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a server that listens on a socket in a folder of its own."""
    programs = server_programs()
    assert programs is not None, "no PostgreSQL server: apt-get install postgresql"
    folder = Path(tempfile.mkdtemp(prefix="hil-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        data, name = folder / "data", USER if os.geteuid() == 0 else pwd.getpwuid(os.getuid())[0]
        as_user(programs / "initdb", "-D", data, "-U", name, "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        control = (programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w")
        as_user(*control, "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{name}@/postgres?host={folder}"
        finally:
            as_user(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def location(server: str) -> Iterator[str]:
    """An empty database."""
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE lab"))
    yield server.replace("/postgres?", "/lab?")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP DATABASE lab WITH (FORCE)"))
    engine.dispose()


def test_what_is_kept_comes_back(location: str) -> None:
    store = open_store(location)
    assert store.add_run(make_run(1))
    assert not store.add_run(make_run(1))
    store.add_run(failed_run())
    verdict = Verdict(check=CheckName.FLASH, status=Status.FAIL, reason="too large")
    store.add_verdict(make_run(1).run_id, verdict)
    assert store.run(make_run(1).run_id).record == make_run(1).record
    assert {point.status for point in store.points()} == {Status.FAIL, Status.ERROR}
    assert store.latest_session() == SESSION.session_id
    store.remove([make_run(1).run_id])
    assert store.count() == 1
    store.close()


def test_the_migrations_make_exactly_the_tables(location: str) -> None:
    open_store(location).close()
    engine = sa.create_engine(location)
    with engine.connect() as connection:
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}),
                METADATA,
            )
            == []
        )
    engine.dispose()


def test_several_bench_hosts_make_and_write_one_history_and_lose_nothing(location: str) -> None:
    writers = [writer(location, first, 50) for first in (0, 50, 100)]
    for process in writers:
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0
    store = open_store(location)
    assert [run.place for run in store.runs()] == list(range(150))
    store.close()


def test_a_file_is_merged_into_it(location: str, tmp_path: Path) -> None:
    local, lab = open_store(str(tmp_path / "h.sqlite")), open_store(location)
    for number in range(3):
        local.add_run(make_run(number))
    assert lab.merge(local) == 3
    assert lab.merge(local) == 0
    assert lab.runs() == local.runs()
    lab.close()


def test_a_server_that_goes_away_is_told(location: str, server: str) -> None:
    store = open_store(location)
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lab'")
        )
        connection.execute(sa.text("ALTER DATABASE lab RENAME TO gone"))
        with pytest.raises(StoreError, match="fails"):
            store.add_run(make_run(1))
            store.add_run(make_run(2))
        connection.execute(sa.text("ALTER DATABASE gone RENAME TO lab"))
    engine.dispose()
    store.close()
