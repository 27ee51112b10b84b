"""The plugin's options: one table, from which pytest's help, the ini file and the docs follow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil.errors import ConfigError
from hil.firmware.cache_limit import DEFAULT_MAX_BYTES, MAX_BYTES_VARIABLE, parse_bytes
from hil.rounds import DEFAULT_ROUNDS, RoundPolicy
from hil.tflm.choice import DEFAULT_GENERATION, TFLM_VARIABLE
from hil.tflm.kernels import NAMES
from hil.vocab import Kind

GROUP = "hil"
GROUP_TITLE = "hardware-in-the-loop benchmarks of TensorFlow Lite Micro (hil)"
ALL_TARGETS = "all"
KIND_ANY = "any"
KINDS = (KIND_ANY, Kind.HARDWARE.value, Kind.EMULATED.value)
UNSUPPORTED_SKIP, UNSUPPORTED_FAIL = "skip", "fail"
DEFAULT_REFERENCES = "tflm,litert"
DEFAULT_BASELINES = "reports/baselines"
DEFAULT_GATE_REPEATS = 8
OPTIMIZATIONS = ("O1", "O2", "O3", "Os")
DEFAULT_OPTIMIZATION = "O2"
# Whose values may lie outside the project.
PATH_OPTIONS = (
    "--hil-port",
    "--hil-tflm",
    "--hil-json",
    "--hil-csv",
    "--hil-parquet",
    "--hil-html",
    "--hil-markdown",
    "--hil-log-dir",
    "--hil-bundle",
    "--hil-baselines",
)
INI_FILES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
NO_TARGET = "nothing to measure on: give --target NAME (or --hil-target)"

SHORT_TARGET = "--target"
TARGET_OPTION: dict[str, Any] = {
    "action": "append",
    "dest": "hil_target",
    "metavar": "NAME",
    "default": None,
    "help": "target to measure on; may be repeated, 'all' for every one. "
    "(Default: none, ini: hil_target)",
}


@dataclass(frozen=True)
class Options:
    """What the user asked for, from the command line and the ini file."""

    targets: tuple[str, ...]
    kind: str
    kernels: tuple[str, ...]
    tflm: str | None
    probe: str | None
    port: str | None
    json: Path | None
    csv: Path | None
    parquet: Path | None
    markdown: Path | None
    html: Path | None
    store: str | None
    no_store: bool
    references: tuple[str, ...]
    compare_schemes: bool
    log_dir: Path | None
    bundle: Path | None
    unsupported: str
    rounds: RoundPolicy
    optimization: str
    baseline: str | None
    gate: tuple[str, ...]
    accept: tuple[str, ...]
    baseline_strict: bool
    baselines: Path
    gate_repeats: int
    cache_max_bytes: int

    @property
    def files(self) -> list[Path]:
        """Where results are to be written."""
        paths = (self.json, self.csv, self.parquet, self.markdown, self.html)
        return [path for path in paths if path is not None]

    @property
    def is_active(self) -> bool:
        """Whether anything is to be measured at all."""
        return bool(self.targets)


def add_options(parser: pytest.Parser) -> None:
    """Declares every option. Help texts end with the default."""
    group = parser.getgroup(GROUP, GROUP_TITLE)
    group.addoption("--hil-target", **TARGET_OPTION)
    group.addoption(
        "--hil-kind",
        choices=KINDS,
        default=None,
        help="boards to measure on; hardware never falls back to emulation. "
        f"(Default: {KIND_ANY}, ini: hil_kind)",
    )
    group.addoption(
        "--hil-kernels",
        metavar="NAMES",
        default=None,
        help=f"kernel libraries, separated by commas: {', '.join(NAMES)}. "
        "(Default: that of the TFLM generation)",
    )
    group.addoption(
        "--hil-tflm",
        metavar="NAME",
        help="TFLM to build from: 2024, 2020, a folder of your own or a .crate file. "
        f"(Default: {DEFAULT_GENERATION}, ini: hil_tflm, environment: {TFLM_VARIABLE})",
    )
    group.addoption(
        "--hil-probe",
        metavar="UID",
        help="unique id of a real board's debug probe, with --hil-port; or auto. (Default: none)",
    )
    group.addoption(
        "--hil-port",
        metavar="URL",
        help="serial port of that board: /dev/..., socket://, rfc2217://. (Default: none)",
    )
    group.addoption(
        "--hil-json",
        metavar="FILE",
        type=Path,
        help="write all results to FILE (docs/results.md). (Default: none)",
    )
    group.addoption(
        "--hil-csv",
        metavar="FILE",
        type=Path,
        help="write a table with a row per run to FILE. (Default: none)",
    )
    group.addoption(
        "--hil-parquet",
        metavar="FILE",
        type=Path,
        help="write the same table as Parquet; needs pyarrow. (Default: none)",
    )
    group.addoption(
        "--hil-html",
        metavar="FILE",
        type=Path,
        help="write a report that opens in any browser, without a network, to FILE "
        "(docs/report.md). (Default: none)",
    )
    group.addoption(
        "--hil-markdown",
        metavar="FILE",
        type=Path,
        help="write a summary for a pull request to FILE; a CI job's own summary gets it anyhow. "
        "(Default: none)",
    )
    group.addoption(
        "--hil-compare-schemes",
        action="store_true",
        help="end with a table per suite that holds each scheme against float32. (Default: no)",
    )
    group.addoption(
        "--hil-references",
        metavar="NAMES",
        default=None,
        help="host interpreters to compare with, separated by commas (docs/numerics.md). "
        f"(Default: {DEFAULT_REFERENCES}, ini: hil_references)",
    )
    group.addoption(
        "--hil-log-dir",
        metavar="DIR",
        type=Path,
        help="keep a log of every frame on the serial line in DIR. (Default: none)",
    )
    group.addoption(
        "--hil-bundle",
        metavar="DIR",
        type=Path,
        help="keep the evidence of each run in a folder of DIR, for hil verify and hil replay "
        "(docs/bundles.md). (Default: none)",
    )
    group.addoption(
        "--hil-unsupported",
        choices=(UNSUPPORTED_SKIP, UNSUPPORTED_FAIL),
        default=UNSUPPORTED_SKIP,
        help=f"what becomes of models that cannot run. (Default: {UNSUPPORTED_SKIP})",
    )
    group.addoption(
        "--hil-min-rounds",
        metavar="N",
        type=int,
        default=DEFAULT_ROUNDS.min_rounds,
        help="inferences at least, counting one for each vector. "
        f"(Default: {DEFAULT_ROUNDS.min_rounds})",
    )
    group.addoption(
        "--hil-precision",
        metavar="SHARE",
        type=float,
        default=DEFAULT_ROUNDS.precision,
        help="go on until the median latency is known to this share of it. "
        f"(Default: {DEFAULT_ROUNDS.precision:g})",
    )
    group.addoption(
        "--hil-confidence",
        metavar="SHARE",
        type=float,
        default=DEFAULT_ROUNDS.confidence,
        help=f"with this confidence. (Default: {DEFAULT_ROUNDS.confidence:g})",
    )
    group.addoption(
        "--hil-max-time",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_ROUNDS.max_time_s,
        help=f"but spend no further rounds after so long. (Default: {DEFAULT_ROUNDS.max_time_s:g})",
    )
    group.addoption(
        "--hil-optimization",
        choices=OPTIMIZATIONS,
        default=DEFAULT_OPTIMIZATION,
        help=f"how the firmware is compiled. (Default: {DEFAULT_OPTIMIZATION})",
    )
    _add_store_options(group)
    _add_gate_options(group)
    parser.addini("hil_target", "targets to measure on, like --target", type="args", default=[])
    parser.addini(
        "hil_references",
        "host interpreters to compare with, like --hil-references",
        default=DEFAULT_REFERENCES,
    )
    parser.addini("hil_kind", "boards to measure on, like --hil-kind", default=KIND_ANY)
    parser.addini("hil_tflm", "TFLM to build from, like --hil-tflm", default="")
    parser.addini("hil_store", "history, like --hil-store", default="")
    parser.addini("hil_baseline", "baseline to hold runs against, like --hil-baseline", default="")
    parser.addini("hil_gate", "gate expressions, one a line, like --hil-gate", type="linelist")
    parser.addini("hil_baseline_strict", "like --hil-baseline-strict", type="bool", default=False)
    parser.addini(
        "hil_cache_max_bytes",
        f"limit of the cache of builds, as in 2GiB; {MAX_BYTES_VARIABLE} goes before it",
        default="",
    )
    parser.addini("hil_baselines", "like --hil-baselines", default=DEFAULT_BASELINES)


def _add_store_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--hil-store",
        metavar="URL",
        default=None,
        help="history that runs are kept in: a path (SQLite) or a database's URL "
        "(docs/history.md). (Default: .hil/history.sqlite, ini: hil_store)",
    )
    group.addoption(
        "--hil-no-store",
        action="store_true",
        help="keep no history of this session. (Default: it is kept)",
    )


def _add_gate_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--hil-baseline",
        metavar="NAME",
        default=None,
        help="hold runs against this committed baseline (docs/nightly.md). "
        "(Default: none, ini: hil_baseline)",
    )
    group.addoption(
        "--hil-gate",
        metavar="EXPR",
        action="append",
        default=None,
        help="how much worse than the baseline a figure may be, as in latency.median:+2%%; may be "
        "repeated, or several separated by commas. "
        "(Default: latency 2%%, accuracy 0.5pp, flash 1KiB, arena and outputs 0, ini: hil_gate)",
    )
    group.addoption(
        "--hil-accept",
        metavar="KEY",
        action="append",
        default=None,
        help="compare although this condition differs: toolchain, data, core_clock_hz ...; may be "
        "repeated. (Default: none)",
    )
    group.addoption(
        "--hil-baseline-strict",
        action="store_true",
        default=None,
        help="runs that are new, vanished, incomparable or unsupported fail too. "
        "(Default: they are listed, ini: hil_baseline_strict)",
    )
    group.addoption(
        "--hil-baselines",
        metavar="DIR",
        type=Path,
        default=None,
        help=f"folder of the baselines. (Default: {DEFAULT_BASELINES}, ini: hil_baselines)",
    )
    group.addoption(
        "--hil-gate-repeats",
        metavar="N",
        type=int,
        default=DEFAULT_GATE_REPEATS,
        help="on real boards: measure again up to so often while the samples do not tell. "
        f"(Default: {DEFAULT_GATE_REPEATS})",
    )


def add_short_target(parser: pytest.Parser) -> bool:
    """Declares `--target` too, and returns True, unless another plugin has: pytest-embedded does.

    To be called when all plugins have declared theirs: whoever came second would fail.
    """
    taken = {name for g in parser._groups for option in g.options for name in option.names()}
    if SHORT_TARGET in taken:
        return False
    arguments = TARGET_OPTION | {"help": "the same, in short"}
    parser.getgroup(GROUP, GROUP_TITLE).addoption(SHORT_TARGET, **arguments)
    return True


def read_options(config: pytest.Config) -> Options:
    """The options in effect. Raises pytest.UsageError for unusable ones."""
    _check_ini_is_read(config)
    targets = config.getoption("hil_target") or config.getini("hil_target")
    kind = config.getoption("hil_kind") or config.getini("hil_kind")
    if kind not in KINDS:
        raise pytest.UsageError(f"hil_kind = {kind}: choose from {', '.join(KINDS)}")
    kernels = config.getoption("hil_kernels")
    references = config.getoption("hil_references") or config.getini("hil_references")
    baseline = config.getoption("hil_baseline") or config.getini("hil_baseline") or None
    # What the ini file says of the gate is for when there is a baseline.
    gate = config.getini("hil_gate") if baseline else ()
    strict = baseline is not None and config.getini("hil_baseline_strict")
    return Options(
        targets=tuple(dict.fromkeys(targets)),
        kind=kind,
        kernels=_names(kernels) if kernels is not None else (),
        tflm=config.getoption("hil_tflm")
        or os.environ.get(TFLM_VARIABLE)
        or config.getini("hil_tflm")
        or None,
        probe=config.getoption("hil_probe"),
        port=config.getoption("hil_port"),
        json=config.getoption("hil_json"),
        csv=config.getoption("hil_csv"),
        parquet=config.getoption("hil_parquet"),
        markdown=config.getoption("hil_markdown"),
        html=config.getoption("hil_html"),
        store=config.getoption("hil_store") or config.getini("hil_store") or None,
        no_store=config.getoption("hil_no_store"),
        references=_names(references),
        compare_schemes=config.getoption("hil_compare_schemes"),
        log_dir=config.getoption("hil_log_dir"),
        bundle=config.getoption("hil_bundle"),
        unsupported=config.getoption("hil_unsupported"),
        rounds=_rounds(config),
        optimization=config.getoption("hil_optimization"),
        baseline=baseline,
        gate=tuple(config.getoption("hil_gate") or gate),
        accept=tuple(config.getoption("hil_accept") or ()),
        baseline_strict=config.getoption("hil_baseline_strict") or strict,
        baselines=_baselines(config),
        gate_repeats=config.getoption("hil_gate_repeats"),
        cache_max_bytes=_cache_max_bytes(config),
    )


def _cache_max_bytes(config: pytest.Config) -> int:
    text = config.getini("hil_cache_max_bytes")
    try:
        return parse_bytes(text) if text else DEFAULT_MAX_BYTES
    except ConfigError as error:
        raise pytest.UsageError(f"hil_cache_max_bytes: {error.message}; {error.hint}") from error


def _baselines(config: pytest.Config) -> Path:
    """The folder of the option as seen from here; that of the ini file, from pytest's root."""
    given: Path | None = config.getoption("hil_baselines")
    return given or project_dir(config) / config.getini("hil_baselines")


def project_dir(config: pytest.Config) -> Path:
    """Where the project is: pytest's root, if an ini file says so; else where pytest was called.

    Without one pytest takes a folder that holds all its arguments and everything that looks like a
    path: /dev of --hil-port /dev/ttyACM0.
    """
    return config.rootpath if config.inipath is not None else config.invocation_params.dir


def _check_ini_is_read(config: pytest.Config) -> None:
    """Raises pytest.UsageError where pytest takes an option's value for the place of tests, and so
    does not find the project's ini file.
    """
    if config.inipath is not None:
        return
    here = config.invocation_params.dir
    found = [f / name for f in (here, *here.parents) for name in INI_FILES if (f / name).is_file()]
    words = [str(word) for word in config.invocation_params.args]
    for option in PATH_OPTIONS:
        value = config.getoption(option.strip("-").replace("-", "_"))
        if found and value is not None and str(value) in words and Path(value).exists():
            raise pytest.UsageError(
                f"pytest takes {value} for a path to tests and does not read {found[0]}\n"
                f"hint: write {option}={value}, with = in between"
            )


def _names(text: str) -> tuple[str, ...]:
    """Names separated by commas, each once."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",")))


def _rounds(config: pytest.Config) -> RoundPolicy:
    policy = RoundPolicy(
        min_rounds=config.getoption("hil_min_rounds"),
        precision=config.getoption("hil_precision"),
        confidence=config.getoption("hil_confidence"),
        max_time_s=config.getoption("hil_max_time"),
    )
    if policy.min_rounds < 1:
        raise pytest.UsageError("--hil-min-rounds must be at least 1")
    if not 0 < policy.confidence < 1:
        raise pytest.UsageError("--hil-confidence must lie between 0 and 1")
    if policy.precision <= 0 or policy.max_time_s < 0:
        raise pytest.UsageError("--hil-precision and --hil-max-time must not be negative")
    return policy
