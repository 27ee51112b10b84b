"""Whether integer models equal host TFLM over many outputs, and counts are the same every time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks import rig
from benchmarks.figure import Figure
from hil.checks.compare import compare
from hil.data import Vectors, random_vectors
from hil.model.info import ModelInfo
from hil.reference.reference import ChildReference, ReferenceName
from hil.suite_data import SuiteData

MIN_ELEMENTS = 12_000
FRESH_BOARDS = 20
INFER_TIMEOUT_S = 60.0


def figures() -> Iterator[Figure]:
    """Differences to host TFLM over test vectors and seeded inputs; counts on fresh boards."""
    reference = ChildReference(ReferenceName.TFLM)
    for name in ("har_int8", "digits_int8"):
        model = rig.model(name)
        vectors = _vectors(name, model)
        expected = reference.run(model, vectors.inputs)
        with rig.running(name) as device:
            rows = [
                device.infer(vectors.input_bytes(i), INFER_TIMEOUT_S).outputs[0]
                for i in range(vectors.count)
            ]
        tensor = model.output_tensors[0]
        found = np.frombuffer(b"".join(rows), np.int8).reshape(vectors.count, *tensor.shape)
        result = compare([found], expected.outputs)
        yield Figure(f"{name}, output elements", "", [result.elements], at_least=MIN_ELEMENTS)
        yield Figure(
            f"{name}, elements unlike host TFLM's", "", [result.differing_elements], at_most=0
        )
    reference.close()
    counts = set()
    vector = random_vectors(rig.model("har_int8"), 1, 7).input_bytes(0)
    for _ in range(FRESH_BOARDS):
        with rig.running("har_int8") as device:
            counts.add(device.infer(vector, INFER_TIMEOUT_S).cycles)
    yield Figure(f"different counts on {FRESH_BOARDS} fresh boards", "", [len(counts)], at_most=1)


def _vectors(name: str, model: ModelInfo) -> Vectors:
    """The suite's test vectors, and as many seeded inputs as are needed for MIN_ELEMENTS."""
    data = SuiteData(rig.SUITES / name.split("_")[0] / "data.py", "test_data").vectors(model)
    per_vector = model.output_tensors[0].elements
    missing = max(0, -(-MIN_ELEMENTS // per_vector) - data.count)
    extra = random_vectors(model, missing, 1)
    joined = np.concatenate([data.inputs[0], extra.inputs[0]])
    return Vectors((joined,), None, "test vectors and seeded inputs")
