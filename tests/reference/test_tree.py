"""The tree on this host ends when it is told to, whatever it is doing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import cast

import pytest

from hil.data import random_vectors
from hil.errors import HilError, ReferenceFailure
from hil.firmware.host_build import HostBuilder
from hil.link.client import LinkClient
from hil.link.pipe import EXIT_TIMEOUT_S
from hil.model.info import ModelInfo
from hil.reference.tree import HELLO_TIMEOUT_S, TreeReference

DEADLINE_S = min(EXIT_TIMEOUT_S, HELLO_TIMEOUT_S) / 2
Progress = Callable[[str, int, int], None]


class FakeBuilder:
    """Gives a program that never answers; `while_building` happens before it is done."""

    def __init__(self, folder: Path, while_building: Callable[[Progress], None]) -> None:
        self.program = folder / "silent"
        self.program.write_text(f"#!/bin/sh\ntouch {folder}/started\nexec sleep 600\n")
        self.program.chmod(0o700)
        self._while_building = while_building

    def build(self, model: ModelInfo, on_progress: Progress) -> Path:
        self._while_building(on_progress)
        return self.program

    def reference(self) -> TreeReference:
        return TreeReference(cast(HostBuilder, self))


def test_killed_before_its_turn_it_does_not_build(tmp_path: Path, dense_model: ModelInfo) -> None:
    builds: list[Progress] = []
    reference = FakeBuilder(tmp_path, builds.append).reference()
    reference.kill()
    with pytest.raises(ReferenceFailure, match="was ended"):
        reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs)
    assert builds == []


def test_killed_while_building_it_neither_builds_on_nor_runs(
    tmp_path: Path, dense_model: ModelInfo
) -> None:
    steps: list[str] = []

    def build(on_progress: Progress) -> None:
        on_progress("TFLM", 1, 3)
        reference.kill()
        steps.append("killed")
        on_progress("TFLM", 2, 3)
        steps.append("built on")

    reference = FakeBuilder(tmp_path, build).reference()
    with pytest.raises(ReferenceFailure, match="was ended"):
        reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs)
    assert steps == ["killed"]


def test_killed_at_the_end_of_the_build_it_does_not_start_the_program(
    tmp_path: Path, dense_model: ModelInfo
) -> None:
    reference = FakeBuilder(tmp_path, lambda _: reference.kill()).reference()
    with pytest.raises(ReferenceFailure, match="was ended"):
        reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs)
    assert not (tmp_path / "started").exists()


def test_killed_while_it_runs_it_ends_before_any_deadline(
    tmp_path: Path, dense_model: ModelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_greeting, failures = Event(), []
    hello = LinkClient.hello

    def noted(client: LinkClient, timeout_s: float) -> object:
        is_greeting.set()
        return hello(client, timeout_s)

    monkeypatch.setattr(LinkClient, "hello", noted)
    reference = FakeBuilder(tmp_path, lambda _: None).reference()

    def run() -> None:
        try:
            reference.run(dense_model, random_vectors(dense_model, 1, 0).inputs)
        except HilError as error:
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    assert is_greeting.wait(DEADLINE_S)
    start = monotonic()
    reference.kill()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert monotonic() - start < DEADLINE_S
    assert len(failures) == 1
