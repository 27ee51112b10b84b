"""Runs on their way into the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.errors import ConfigError
from hil.store.spool import Spool, import_leftovers
from hil.store.store import Store, open_store
from tests.stored import make_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "history.sqlite"))
    yield opened
    opened.close()


def test_what_a_dead_session_left_is_taken_in_once(tmp_path: Path, store: Store) -> None:
    spool = Spool(tmp_path, "dead")
    spool.folder.mkdir(parents=True)
    spool.write(make_run(1))
    spool.write(make_run(2))
    assert import_leftovers(tmp_path, store) == 2
    assert [run.run_id for run in store.runs()] == [make_run(1).run_id, make_run(2).run_id]
    assert store.runs()[0].verdicts == make_run(1).verdicts
    assert not spool.folder.exists()
    assert import_leftovers(tmp_path, store) == 0


def test_what_a_living_session_holds_is_left_alone(tmp_path: Path, store: Store) -> None:
    spool = Spool(tmp_path, "alive")
    spool.open()
    spool.write(make_run(1))
    assert import_leftovers(tmp_path, store) == 0
    spool.close()
    assert spool.waiting()
    assert import_leftovers(tmp_path, store) == 1


def test_a_run_that_the_history_has_is_not_taken_twice(tmp_path: Path, store: Store) -> None:
    store.add_run(make_run(1))
    spool = Spool(tmp_path, "dead")
    spool.folder.mkdir(parents=True)
    spool.write(make_run(1))
    assert import_leftovers(tmp_path, store) == 0
    assert not spool.folder.exists()


def test_a_file_that_is_no_run_stays(tmp_path: Path, store: Store) -> None:
    spool = Spool(tmp_path, "dead")
    spool.folder.mkdir(parents=True)
    (spool.folder / "x.json").write_text("{")
    spool.write(make_run(1))
    assert import_leftovers(tmp_path, store) == 1
    assert [path.name for path in spool.waiting()] == ["x.json"]


def test_an_empty_spool_leaves_no_folder(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "s")
    spool.open()
    spool.write(make_run(1))
    spool.drop(make_run(1).run_id)
    spool.close()
    assert not spool.folder.exists()
    assert (tmp_path / ".hil" / ".gitignore").read_text() == "*\n"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".hil").write_text("a file")
    with pytest.raises(ConfigError, match="cannot use"):
        Spool(tmp_path, "s").open()
