"""Sessions, runs and verdicts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the first tables."""
    op.create_table(
        "session",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("started_utc", sa.String, nullable=False),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("source_commit", sa.String),
        sa.Column("hil_version", sa.String, nullable=False),
    )
    op.create_table(
        "session_end",
        sa.Column("session_id", sa.String, primary_key=True),
        sa.Column("ended_utc", sa.String, nullable=False),
        sa.Column("exit_status", sa.Integer, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("session_id", sa.String, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("started_utc", sa.String, nullable=False),
        sa.Column("origin", sa.String, nullable=False),
        sa.Column("suite", sa.String),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("scheme", sa.String),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("board", sa.String),
        sa.Column("kind", sa.String),
        sa.Column("kernels", sa.String, nullable=False),
        sa.Column("source_commit", sa.String),
        sa.Column("build_id", sa.String),
        sa.Column("accuracy", sa.Float),
        sa.Column("latency", sa.Float),
        sa.Column("latency_ms", sa.Float),
        sa.Column("arena_bytes", sa.Integer),
        sa.Column("flash_bytes", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("run_started", "run", ["started_utc"])
    op.create_index("run_session", "run", ["session_id"])
    op.create_table(
        "verdict",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("check_name", sa.String, primary_key=True),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
