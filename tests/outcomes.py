"""An outcome as if a board had given it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hil.checks.bounds import EXACT, Bound
from hil.checks.compare import compare
from hil.comparison import Comparison
from hil.data import Array
from hil.firmware.image import Image, ImageSizes
from hil.outcome import Outcome
from hil.record import Condition, Environment, Metrics, RunRecord, Samples, Subject
from hil.reference.reference import ReferenceName, ReferenceResult
from hil.tflm.kernels import REFERENCE
from hil.vocab import Better, CounterUnit, Kind, Scheme

OUTPUTS = np.zeros((2, 10), np.int8)


def make_record(**changes: object) -> RunRecord:
    """A record of an int8 run on an emulated board."""
    values: dict[str, object] = {
        "run_id": "20260101T000000-00000000",
        "started_utc": "2026-01-01T00:00:00+00:00",
        "duration_s": 1.0,
        "suite": "digits",
        "model": "digits_int8",
        "scheme": Scheme.INT8,
        "target": "stm32f746",
        "board": "emu-stm32f746-1-1",
        "kind": Kind.EMULATED,
        "kernels": REFERENCE,
        "vectors_source": "data.py:test_data",
        "accuracy_metric": "top1",
        "accuracy_better": Better.HIGHER,
        "subject": Subject(
            model_sha256="aa",
            build_id="bb",
            tflm_origin="tfmicro 0.1.0",
            tflm_digest="cc",
            harness_digest="dd",
            toolchain="gcc 12",
            flags=("-O2", "-DNDEBUG"),
        ),
        "condition": Condition(
            core_clock_hz=216_000_000,
            arena_placement="sram",
            code_placement="flash",
            protocol_major=1,
            counter_unit=CounterUnit.INSTRUCTIONS,
            data_sha256="ee",
            source_sha256="ff",
        ),
        "environment": Environment(
            hil_version="0.1.0", python="3.11", host="Linux", pyocd="0.46.0", references={}
        ),
        "metrics": Metrics(
            vectors=2,
            macs=100,
            latency_median_instructions=1000.0,
            latency_min_instructions=990,
            arena_used_bytes=5000,
            flash_bytes=5000,
            flash_model_bytes=2000,
            outputs_elements=20,
            outputs_differing_elements=0,
            outputs_differing_vectors=0,
            outputs_max_abs_error=0.0,
            accuracy_device=0.95,
        ),
        "absent": {},
        "samples": Samples(latency_instructions=(990, 1010)),
    }
    return RunRecord.model_validate(values | changes)


def make_comparison(found: Array, expected: Array, bound: Bound = EXACT) -> Comparison:
    """One output tensor against host TFLM's."""
    outputs = compare([found], [expected], bounds=[bound])
    return Comparison(
        tensors=outputs.tensors,
        differing_vectors=outputs.differing_vectors,
        label="host TFLM",
        accuracy=0.95,
        host_latency_median_us=5.0,
    )


def make_comparison_of_two(found: Sequence[Array], expected: Sequence[Array]) -> Comparison:
    """Several output tensors against LiteRT's."""
    one = make_comparison(found[0], expected[0])
    outputs = compare(found, expected)
    return one.model_copy(
        update={
            "tensors": outputs.tensors,
            "differing_vectors": outputs.differing_vectors,
            "label": "LiteRT",
        }
    )


def make_outcome(
    found: Array = OUTPUTS, expected: Array = OUTPUTS, bound: Bound = EXACT
) -> Outcome:
    """An outcome whose outputs are `found`, and the reference's `expected`."""
    reference = ReferenceResult(ReferenceName.TFLM, "host TFLM", (expected,), (1.0, 2.0), 4096)
    sizes = ImageSizes(5000, 2000, 3000, 100, 1024, 4096, 2990, 10, 90)
    image = Image(Path("image.elf"), bytes(20), {}, sizes)
    return Outcome(
        record=make_record(
            oracle="tflm", comparisons={"tflm": make_comparison(found, expected, bound)}
        ),
        image=image,
        outputs=(found,),
        references={ReferenceName.TFLM: reference},
        reference_errors={},
    )
