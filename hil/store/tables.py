"""The tables of the history. Rows are inserted and never changed; only `hil prune` removes any."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()
# Not alembic's usual name: a shared database may have that of another program.
VERSION_TABLE = "hil_revision"

SESSION = Table(
    "session",
    METADATA,
    Column("session_id", String, primary_key=True),
    Column("started_utc", String, nullable=False),
    Column("host", String, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("source_commit", String),
    Column("hil_version", String, nullable=False),
)
SESSION_END = Table(
    "session_end",
    METADATA,
    Column("session_id", String, primary_key=True),
    Column("ended_utc", String, nullable=False),
    Column("exit_status", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
)
# What lists need stands in columns of its own; `body` is the whole StoredRun without its verdicts,
# as compressed JSON, raw samples included.
RUN = Table(
    "run",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("session_id", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("started_utc", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("suite", String),
    Column("model", String, nullable=False),
    Column("scheme", String),
    Column("target", String, nullable=False),
    Column("board", String),
    Column("kind", String),
    Column("kernels", String, nullable=False),
    Column("source_commit", String),
    Column("build_id", String),
    Column("accuracy", Float),
    Column("latency", Float),
    Column("latency_ms", Float),
    Column("arena_bytes", Integer),
    Column("flash_bytes", Integer),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("run_started", "started_utc"),
    Index("run_session", "session_id"),
)
VERDICT = Table(
    "verdict",
    METADATA,
    Column("run_id", String, primary_key=True),
    Column("check_name", String, primary_key=True),
    Column("status", String, nullable=False),
    Column("body", Text, nullable=False),
)
ALL = (SESSION, SESSION_END, RUN, VERDICT)
