"""Evidence of runs: written, verified, replayed."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.bench.emulated import EmulatedBoard
from hil.bench.noting import noting_clock
from hil.bundle.contents import FRAMES, IMAGE, MANIFEST, MODEL, RUN, VECTORS, VERDICTS, Verdicts
from hil.bundle.files import read_json, read_manifest, write_folder
from hil.bundle.measure import measure_with_evidence
from hil.bundle.replay import replay
from hil.bundle.verify import verify
from hil.data import Vectors, random_vectors
from hil.errors import BundleError, HilError, LinkError, ReplayMismatch
from hil.firmware.build import Builder
from hil.link.port import Port
from hil.measure import Job
from hil.model.info import ModelInfo
from hil.reference.references import References
from hil.suite import Checks, Metric, SizeCheck
from hil.suite_data import SuiteData
from hil.tflm.source import TflmSource
from hil.vocab import Kind, Status
from tests.cli.test_cli import hil
from tests.faulty_tree import KERNELS, make_faulty_tree

pytestmark = [pytest.mark.emulated, pytest.mark.toolchain]

COUNT = 6
LIMITS = Checks(flash=SizeCheck(max_bytes=10), arena=SizeCheck(max_bytes=100_000))


@pytest.fixture(scope="module")
def references() -> Iterator[References]:
    asked = References()
    yield asked
    asked.close()


@pytest.fixture
def job(builder: Builder, digits_int8: ModelInfo) -> Job:
    vectors = random_vectors(digits_int8, COUNT, 3)
    labelled = replace(vectors, labels=np.arange(COUNT))
    return Job("digits", digits_int8, "int8", labelled, Metric(name="top1"), None, builder)


@pytest.fixture(scope="module")
def bundle(
    builder: Builder,
    digits_int8: ModelInfo,
    references: References,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Of a run of which flash fails, arena passes and the rest is new."""
    vectors = replace(random_vectors(digits_int8, COUNT, 3), labels=np.arange(COUNT))
    job = Job("digits", digits_int8, "int8", vectors, Metric(name="top1"), None, builder)
    board = EmulatedBoard(builder.target)
    home = tmp_path_factory.mktemp("bundles")
    outcome = measure_with_evidence(job, board, references, LIMITS, home)
    board.close()
    return home / outcome.record.run_id


def copy_of(bundle: Path, tmp_path: Path) -> Path:
    copy = tmp_path / bundle.name
    shutil.copytree(bundle, copy)
    return copy


def signed_again(folder: Path) -> None:
    """The bundle with a manifest that fits its files: what a forger would do."""
    manifest = read_manifest(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}
    shutil.rmtree(folder)
    write_folder(folder.parent, folder.name, files, manifest)


# ---- replay


def test_a_replay_comes_to_the_same_figures_and_verdicts(bundle: Path) -> None:
    done = replay(bundle)
    assert done.differences == ()
    assert done.left_out == ()
    assert done.record is not None
    statuses = {verdict.check.value: verdict.status for verdict in done.verdicts}
    assert statuses["flash"] is Status.FAIL
    assert statuses["arena"] is Status.PASS
    assert statuses["outputs"] is Status.PASS
    assert read_json(bundle / VERDICTS, Verdicts).verdicts == done.verdicts
    assert done.record.samples.latency_instructions
    assert done.record.operators


def test_a_replay_starts_no_program_and_needs_no_board(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    monkeypatch.setattr(subprocess, "run", never)
    monkeypatch.setenv("PATH", "")
    assert replay(bundle).differences == ()


def test_the_command_says_what_was_shown(bundle: Path, tmp_path: Path) -> None:
    done = hil("replay", bundle, "--json", tmp_path / "r.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same 5 verdicts and the same figures" in done.stdout
    assert "fail: flash" in done.stdout
    (entry,) = json.loads((tmp_path / "r.json").read_text())["runs"]
    assert entry["run_id"] == bundle.name


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        (RUN, lambda text: text.replace('"flash_bytes": ', '"flash_bytes": 1'), "metrics.flash"),
        (VERDICTS, lambda text: text.replace("pass", "fail", 1), "verdicts."),
    ],
)
def test_a_result_that_does_not_follow_is_found(
    bundle: Path, tmp_path: Path, name: str, change: Callable[[str], str], what: str
) -> None:
    folder = copy_of(bundle, tmp_path)
    path = folder / name
    path.write_text(change(path.read_text()))
    signed_again(folder)
    names = [name for name, _, _ in replay(folder).differences]
    assert any(found.startswith(what) for found in names), names
    assert hil("replay", folder).returncode == 1


def test_an_output_that_was_forged_is_found(bundle: Path, tmp_path: Path) -> None:
    folder = copy_of(bundle, tmp_path)
    lines = (folder / FRAMES).read_text().splitlines()
    # The first one is that of the inference to warm up, which nothing is judged by.
    place = [i for i, line in enumerate(lines) if '"ReadReply"' in line][2]
    entry = json.loads(lines[place])
    entry["payload"] = entry["payload"][:-2] + ("00" if entry["payload"][-2:] != "00" else "7f")
    lines[place] = json.dumps(entry)
    (folder / FRAMES).write_text("\n".join(lines) + "\n")
    signed_again(folder)
    names = [name for name, _, _ in replay(folder).differences]
    assert "verdicts.outputs.status" in names


def test_another_conversation_is_no_replay(bundle: Path, tmp_path: Path) -> None:
    folder = copy_of(bundle, tmp_path)
    lines = (folder / FRAMES).read_text().splitlines()
    (folder / FRAMES).write_text("\n".join(lines[:-1]) + "\n")
    signed_again(folder)
    assert [name for name, _, _ in replay(folder).differences][-1] == "operators"
    (folder / FRAMES).write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    signed_again(folder)
    with pytest.raises(HilError):
        replay(folder)
    longer = copy_of(bundle, tmp_path / "longer")
    (longer / FRAMES).write_text("\n".join([*lines, lines[0]]) + "\n")
    signed_again(longer)
    with pytest.raises(ReplayMismatch, match="the log goes on"):
        replay(longer)


class DamagingPort:
    """Flips a bit in every 11th piece of what the device sends, and loses every 29th."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._count = 0

    def read(self, timeout_s: float) -> bytes:
        data = self._port.read(timeout_s)
        self._count += bool(data)
        if data and self._count % 29 == 0:
            return b""
        if data and self._count % 11 == 0:
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]
        return data

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def close(self) -> None:
        self._port.close()


def test_a_damaged_line_is_replayed_with_its_retransmissions(
    job: Job,
    board: EmulatedBoard,
    references: References,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_port = board.open_port
    monkeypatch.setattr(board, "open_port", lambda: DamagingPort(open_port()))
    outcome = measure_with_evidence(job, board, references, LIMITS, tmp_path)
    assert outcome.record.metrics.link_retransmissions
    done = replay(tmp_path / outcome.record.run_id)
    assert done.differences == ()
    assert done.record is not None
    assert done.record.metrics.link_retransmissions == outcome.record.metrics.link_retransmissions


def test_a_real_boards_times_are_replayed(
    job: Job,
    board: EmulatedBoard,
    references: References,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A board that says it is real, on a host whose clock goes by jumps: every second sample took
    longer by its counter than by the clock.
    """
    jumps = itertools.accumulate(itertools.cycle([0.0, 0.0, 1.0]))
    note = "hil.on_device.noting_clock"
    monkeypatch.setattr(note, lambda _, log: noting_clock(lambda: next(jumps), log))
    monkeypatch.setattr(type(board), "kind", Kind.HARDWARE)
    monkeypatch.setattr("hil.sanity.RATE_TOLERANCE", 1e9)
    outcome = measure_with_evidence(job, board, references, LIMITS, tmp_path)
    impossible = outcome.record.samples.latency_impossible
    assert impossible is not None
    assert 0 < len(impossible) < COUNT
    done = replay(tmp_path / outcome.record.run_id)
    assert done.differences == ()
    assert done.record is not None
    assert done.record.samples == outcome.record.samples
    assert done.record.metrics.counter_rate_hz == outcome.record.metrics.counter_rate_hz


def test_outputs_that_differ_fail_again(
    tflm_2020: TflmSource,
    builder: Builder,
    job: Job,
    board: EmulatedBoard,
    references: References,
    tmp_path: Path,
) -> None:
    tree = make_faulty_tree(tflm_2020, tmp_path / "tree")
    faulty = replace(job, builder=Builder(builder.target, tree, KERNELS))
    outcome = measure_with_evidence(faulty, board, references, LIMITS, tmp_path / "b")
    done = replay(tmp_path / "b" / outcome.record.run_id)
    assert done.verdicts[0].status is Status.FAIL
    assert done.differences == ()


def test_a_metric_of_the_suites_own_runs_only_when_trusted(
    job: Job, board: EmulatedBoard, references: References, tmp_path: Path
) -> None:
    module = tmp_path / "data.py"
    module.write_text("def score(outputs, labels):\n    return float(outputs.max())\n")
    metric = Metric(name="data:score", direction="higher")
    own = replace(job, metric=metric, data=SuiteData(module, "test_data"))
    outcome = measure_with_evidence(own, board, references, LIMITS, tmp_path / "b")
    folder = tmp_path / "b" / outcome.record.run_id
    module.unlink()
    untrusted = replay(folder)
    assert untrusted.differences == ()
    assert len(untrusted.verdicts) == 4
    assert "code of somebody else" in untrusted.left_out[0]
    trusted = replay(folder, trust=True)
    assert trusted.differences == ()
    assert len(trusted.verdicts) == 5


# ---- runs without a result


def test_a_run_that_failed_on_the_board_leaves_what_there_is(
    job: Job,
    board: EmulatedBoard,
    references: References,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sample(*_: object) -> None:
        raise LinkError("a word from the line", step="infer")

    monkeypatch.setattr("hil.device.check_inference", sample)
    with pytest.raises(LinkError):
        measure_with_evidence(job, board, references, LIMITS, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert verify(folder) == []
    done = replay(folder)
    assert done.record is None
    assert done.failure is not None
    assert done.failure.message == "a word from the line"
    assert done.differences == ()
    monkeypatch.undo()
    # Now the very same bytes give a result: the log ends where the host once gave up.
    assert replay(folder).left_out


def test_a_bundle_that_cannot_be_written_is_an_error(
    job: Job, board: EmulatedBoard, references: References, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BundleError, match="cannot write the bundle"):
        measure_with_evidence(job, board, references, LIMITS, tmp_path / "file")


# ---- verify


def test_what_was_written_is_verified(bundle: Path) -> None:
    assert verify(bundle) == []
    done = hil("verify", bundle)
    assert done.returncode == 0
    assert "all is as it was written" in done.stdout


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_byte_that_changes_is_found(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = copy_of(bundle, tmp_path_factory.mktemp("changed"))
    path = folder / data.draw(st.sampled_from(sorted(p.name for p in folder.iterdir())))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))
    try:
        problems = verify(folder)
    except BundleError:
        problems = ["the manifest"]
    # White space in the manifest means nothing.
    assert problems or json.loads(path.read_text()) == json.loads((bundle / MANIFEST).read_text())
    shutil.rmtree(folder)


def test_a_file_too_few_or_too_many_is_found(bundle: Path, tmp_path: Path) -> None:
    folder = copy_of(bundle, tmp_path)
    (folder / "extra").write_text("")
    assert verify(folder) == ["extra: not in the manifest"]
    (folder / "extra").unlink()
    (folder / MODEL).unlink()
    assert verify(folder) == [f"{MODEL}: missing"]
    assert hil("verify", folder).returncode == 1
    with pytest.raises(BundleError, match="is not what was written"):
        replay(folder)


@pytest.mark.parametrize("name", [IMAGE, MODEL, VECTORS, FRAMES, RUN])
def test_files_of_another_run_do_not_belong_together(
    bundle: Path,
    name: str,
    builder: Builder,
    board: EmulatedBoard,
    references: References,
    dense_model: ModelInfo,
    tmp_path: Path,
) -> None:
    vectors = random_vectors(dense_model, COUNT, 1)
    other = Job("small", dense_model, "dense", vectors, None, None, builder)
    outcome = measure_with_evidence(other, board, references, LIMITS, tmp_path / "other")
    folder = copy_of(bundle, tmp_path)
    shutil.copyfile(tmp_path / "other" / outcome.record.run_id / name, folder / name)
    signed_again(folder)
    assert verify(folder)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    for command in (["verify"], ["replay"]):
        done = hil(*command, tmp_path)
        assert done.returncode == 2
        assert "is no bundle" in done.stderr


def test_vectors_come_back_as_they_were(bundle: Path, job: Job) -> None:
    with np.load(bundle / VECTORS) as archive:
        inputs = archive["input:0"]
    assert np.array_equal(inputs, job.vectors.inputs[0])
    assert Vectors((inputs,), job.vectors.labels, "x").sha256 == job.vectors.sha256
