"""Opening a store: SQLite by default, any database that SQLAlchemy speaks to by its URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from hil.errors import StoreError
from hil.store.location import FOLDER, IGNORE_FILE, is_url
from hil.store.tables import METADATA, VERSION_TABLE

HEAD = "0001"
REVISIONS = (HEAD,)
BUSY_TIMEOUT_S = 30.0
MIGRATION_TIMEOUT_S = 60.0
WRITES = "hil_writes"
# Any number will do that nobody else locks.
_ADVISORY_LOCK = 0x68696C


def open_engine(location: str) -> sa.Engine:
    """An engine whose tables are there and up to date. Raises StoreError."""
    try:
        engine = sa.create_engine(location) if is_url(location) else _sqlite(Path(location))
        _bring_up_to_date(engine)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            f"{hidden(location)} is no database URL: {error}",
            hint="as in postgresql+psycopg://user@host/name, or a path for SQLite",
        ) from error
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{hidden(location)} needs the package {error.name}",
            hint="pip install 'tflm-hil[postgres]' for PostgreSQL",
        ) from error
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(
            f"cannot open the history {hidden(location)}: {plain(error)}",
            hint="give another with --hil-store, or measure with --hil-no-store",
        ) from error
    return engine


def hidden(location: str) -> str:
    """The location without a password."""
    if not is_url(location):
        return location
    with contextlib.suppress(ArgumentError):
        return sa.make_url(location).render_as_string(hide_password=True)
    return location.partition("://")[0] + "://..."


def plain(error: Exception) -> str:
    """The first line of an error, without SQLAlchemy's own explanations."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).splitlines()
    return lines[0] if lines else type(error).__name__


def _sqlite(path: Path) -> sa.Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.name == FOLDER:
        ignore = path.parent / IGNORE_FILE
        if not ignore.exists():
            ignore.write_text("*\n")
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})

    @sa.event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        # Transactions begin below, where it is known whether they write.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        # A bench may lose its power: what was committed stays (0.2 ms more for each run).
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer asks at once for what it will need: later it could only fail.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _bring_up_to_date(engine: sa.Engine) -> None:
    """Makes or migrates the tables, once even by several processes. Raises StoreError."""
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with _alone(engine), engine.execution_options(**{WRITES: True}).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        version = _version(connection)
        if version == HEAD:
            return
        if version is None:
            _require_room(connection)
        if version is not None and version not in REVISIONS:
            raise StoreError(
                f"the history {engine.url.render_as_string(hide_password=True)} was made by a "
                f"newer hil (revision {version}, this one knows {HEAD})",
                hint="upgrade tflm-hil, or give another history with --hil-store",
            )
        upgrade(connection)


@contextlib.contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Nobody else on this host migrates the same file."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        yield
        return
    try:
        with FileLock(f"{engine.url.database}.lock", timeout=MIGRATION_TIMEOUT_S):
            yield
    except Timeout as error:
        raise StoreError(
            f"another process has been migrating {engine.url.database} for "
            f"{MIGRATION_TIMEOUT_S:g} s"
        ) from error


def _require_room(connection: sa.Connection) -> None:
    """Raises StoreError for a database that is somebody else's."""
    found = sa.inspect(connection).get_table_names()
    is_ours_alone = connection.dialect.name == "sqlite"
    others = found if is_ours_alone else [name for name in found if name in METADATA.tables]
    if others:
        raise StoreError(
            f"{connection.engine.url.render_as_string(hide_password=True)} holds tables of another "
            f"program: {', '.join(sorted(others)[:5])}",
            hint="give a new file, or a database of its own",
        )


def _version(connection: sa.Connection) -> str | None:
    """The revision of the tables, None when there are none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.execute(
        sa.text(f"SELECT version_num FROM {VERSION_TABLE}")
    ).scalar()
    return version


def upgrade(connection: sa.Connection) -> None:
    """Runs the revisions that are missing."""
    # Slow to import, and needed once in the life of a store.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
