from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hil.errors import ConfigError
from hil.report.frame import check_parquet, frame, write_csv, write_parquet
from hil.vocab import Scheme
from tests.outcomes import make_comparison_of_two
from tests.runs import FLOATS, regression_run, right, scheme_run, unsupported_run

RUNS = [
    scheme_run(Scheme.FLOAT32, right(90, 100)),
    scheme_run(Scheme.INT8, right(89, 100)),
    unsupported_run(Scheme.DYNAMIC),
]


def test_a_row_per_run_identity_first() -> None:
    table = frame(RUNS)
    assert len(table) == 3
    assert list(table.columns[:5]) == ["suite", "target", "kind", "board", "model"]
    assert table["scheme"].tolist() == ["float32", "int8", "dynamic"]


def test_units_are_in_the_names_and_the_drop_is_there() -> None:
    row = frame(RUNS).iloc[1]
    assert row["latency_median_instructions"] == 1000.0
    assert row["flash_bytes"] == 70_000
    assert row["accuracy_drop_points"] == pytest.approx(1.0)
    assert row["accuracy_drop_low_points"] < 0 < row["accuracy_drop_high_points"]
    assert row["mcnemar_mid_p"] == pytest.approx(0.5)
    assert not row["is_distinguishable"]
    assert row["litert_argmax_flips"] == 2


def test_figures_of_a_comparison_are_those_of_all_outputs() -> None:
    comparison = make_comparison_of_two([FLOATS, FLOATS[::-1]], [FLOATS, FLOATS])
    run = scheme_run(Scheme.FLOAT32, right(1, 2), comparisons={"tflm": comparison})
    row = frame([run]).iloc[0]
    worst = comparison.tensors[1]
    assert row["oracle"] == "tflm"
    assert row["tflm_argmax_flips"] == 2
    assert row["tflm_max_error_real"] == worst.max_error_real
    assert row["tflm_mean_error_real"] == pytest.approx((worst.mean_error_real or 0) / 2)
    assert row["tflm_cosine_similarity"] == worst.cosine_similarity


def test_a_similarity_is_missing_where_an_output_is_not_a_number() -> None:
    broken = FLOATS.copy()
    broken[0, 0] = np.nan
    comparison = make_comparison_of_two([FLOATS, broken], [FLOATS, FLOATS])
    run = scheme_run(Scheme.FLOAT32, right(1, 2), comparisons={"tflm": comparison})
    assert pd.isna(frame([run]).iloc[0]["tflm_cosine_similarity"])


def test_what_did_not_run_has_its_reason_and_the_hosts_accuracy() -> None:
    row = frame(RUNS).iloc[2]
    assert row["status"] == "unsupported"
    assert row["reason"].startswith("operator 0 CONV_2D")
    assert row["host_only_litert_accuracy"] == 0.84
    assert row["macs"] == 63_216
    assert pd.isna(row["flash_bytes"])
    assert pd.isna(row["accuracy_drop_points"])


def test_other_metrics_have_their_drop_in_their_own_unit() -> None:
    table = frame(
        [regression_run(Scheme.FLOAT32, [1.0, 2.0]), regression_run(Scheme.INT8, [1.5, 2.5])]
    )
    assert table.iloc[1]["accuracy_drop_absolute"] == pytest.approx(0.5)
    assert pd.isna(table.iloc[1]["accuracy_drop_points"])


def test_columns_and_types_do_not_depend_on_the_runs() -> None:
    whole, few, none = frame(RUNS), frame(RUNS[2:]), frame([])
    assert whole.dtypes.to_dict() == few.dtypes.to_dict() == none.dtypes.to_dict()


def test_csv_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    write_csv(path, RUNS)
    assert list(tmp_path.iterdir()) == [path]
    back = pd.read_csv(path)
    assert back["model"].tolist() == ["har_float32", "har_int8", "har_dynamic"]
    with pytest.raises(ConfigError, match="cannot write"):
        write_csv(tmp_path / "none" / "runs.csv", RUNS)


def test_parquet_keeps_types_and_missing_values(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "runs.parquet"
    write_parquet(path, RUNS)
    back = pd.read_parquet(path, dtype_backend="numpy_nullable")
    assert back["flash_bytes"].dtype == "Int64"
    assert back["flash_bytes"].isna().tolist() == [False, False, True]


def test_parquet_without_pyarrow_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.report.frame.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs pyarrow") as caught:
        check_parquet()
    assert "tflm-hil[parquet]" in caught.value.hint
