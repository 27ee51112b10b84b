"""Random one-operator models: what preflight passes is right on the board."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sweep.benches import LIBRARIES, open_bench
from tests.sweep.catalogue import kinds
from tests.sweep.judges import Judges
from tests.sweep.report import Table, kept
from tests.sweep.sweep import Asked, chosen, mixture, run

# Other seeds draw other models: HIL_SWEEP_SEED=7 make sweep
SEED = int(os.environ.get("HIL_SWEEP_SEED", "1"))
PER_KIND = int(os.environ.get("HIL_SWEEP_PER_KIND", "12"))
FOLDER = Path(os.environ.get("HIL_SWEEP_FOLDER", ROOT / "reports" / "out" / "sweep"))
IN_CI = {"cmsis_nn": 110, "reference": 40}
OF_A_LIBRARY = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MAX_POOL_2D",
        "MUL",
        "SOFTMAX",
        "SVDF",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
FEWEST_PER_KIND = 10
FEWEST = 2000

pytestmark = [pytest.mark.toolchain, pytest.mark.emulated]


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """Both judges."""
    judges = Judges()
    yield Asked(judges)
    judges.close()


@pytest.mark.parametrize(("library", "count"), IN_CI.items())
def test_a_mixture_of_models_that_preflight_passes_is_right(
    library: str, count: int, asked: Asked
) -> None:
    # All other kernels are compiled from the same files for both libraries.
    wanted = [k for k in kinds() if library == "cmsis_nn" or k.operator in OF_A_LIBRARY]
    table = Table()
    with open_bench(library) as bench:
        run(mixture(wanted, SEED, count, bench, table), bench, asked, table)
    _all_right(table, FOLDER)
    assert table.passed == count


@pytest.mark.sweep
def test_every_operator_and_type_is_right_on_both_kernel_libraries(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table()
    start = time.monotonic()
    with capsys.disabled():
        print(f"\nseed {SEED}: HIL_SWEEP_SEED={SEED} repeats it")
    for library in LIBRARIES:
        with open_bench(library) as bench:
            models = [s for kind in kinds() for s in chosen(kind, SEED, PER_KIND, bench, table)]

            def told(done: int, of: int, library: str = library) -> None:
                with capsys.disabled():
                    seconds = time.monotonic() - start
                    print(f"{library}: {done} of {of} models after {seconds:.0f} s", flush=True)

            run(models, bench, asked, table, told)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"table_seed_{SEED}.tsv").write_text("\n".join(table.lines()) + "\n")
    with capsys.disabled():
        print("\n" + "\n".join(table.lines()))
    _all_right(table, FOLDER)
    assert table.judged_right >= FEWEST
    few = [row for row in table.rows.values() if row.passed and row.judged_right < FEWEST_PER_KIND]
    assert not [f"{row.kind} {row.library}: {row.judged_right}" for row in few]


def _all_right(table: Table, folder: Path) -> None:
    """Fails with each model that is not right, after it was written to a folder."""
    places = kept(table.bad, folder)
    assert not [
        f"{place}: {result.verdict}: {result.words[:300]}"
        for place, result in zip(places, table.bad, strict=True)
    ]
