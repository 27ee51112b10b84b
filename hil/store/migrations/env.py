"""Run by alembic, over the connection of hil.store.schema.upgrade."""

from __future__ import annotations

from alembic import context

from hil.store.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
