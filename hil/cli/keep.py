"""Keeps what a command measured in the history, like pytest does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.errors import ConfigError, DataError, ModelError, StoreError
from hil.record import RunRecord, RunResult
from hil.source import source_commit
from hil.store.location import default_location, is_url, project_root
from hil.store.stored import StoredRun, StoredSession
from hil.vocab import RunOrigin

if TYPE_CHECKING:
    from hil.store.store import Store

StoreUrl = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help="history to keep it in, instead of .hil/"),
]
NoStore = Annotated[bool, typer.Option("--no-store", help="keep it in no history")]


# What the user mistyped is no run.
MISTAKES = (ConfigError, DataError, ModelError, StoreError)


class History:
    """The history of the folder at hand, or none; made when there is a run to keep."""

    def __init__(self, store: str | None, *, no_store: bool) -> None:
        """Opens one that is there, before anything is measured. Raises StoreError."""
        self._location = store or default_location(project_root(Path.cwd()))
        self._is_wanted = not no_store
        self._store: Store | None = None
        self._session = StoredSession.begin(["hil", *sys.argv[1:]], source_commit(Path.cwd()))
        if self._is_wanted and (is_url(self._location) or Path(self._location).exists()):
            self._open()

    def _open(self) -> Store:
        from hil.store.store import open_store

        if self._store is None:
            self._store = open_store(self._location)
        return self._store

    def keep(self, result: RunResult, origin: RunOrigin) -> None:
        """Keeps a run with its verdicts. Raises StoreError."""
        if not self._is_wanted:
            return
        record: RunRecord | None = result.record
        if record is not None:
            run = StoredRun.of(record, self._session)
        else:
            run = StoredRun.failed(result, self._session, origin)
        verdicts = tuple(result.verdicts.values())
        self._open().add_run(run.model_copy(update={"verdicts": verdicts}))

    def close(self) -> None:
        """Lets go of it."""
        if self._store is not None:
            self._store.close()
