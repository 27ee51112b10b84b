"""What the options choose: targets, kernel libraries, files; wrong ones are found out at once."""

from __future__ import annotations

import pytest

from hil.errors import ConfigError
from hil.files import check_writable
from hil.plugin.options import ALL_TARGETS, Options, project_dir
from hil.target import Target, load_target, target_names
from hil.tflm.locate import generation_named


def check_distribution(config: pytest.Config) -> None:
    """Several workers are fed by hil.plugin.scheduling; other ways would measure runs twice."""
    dist = config.getoption("dist", "no")
    if dist not in ("no", "load"):
        raise ConfigError(
            f"--dist {dist} would tear runs apart",
            hint="leave --dist out: with -n alone, the checks of a run stay on one worker",
        )


def load_targets(options: Options, config: pytest.Config) -> tuple[Target, ...]:
    """The targets that were asked for, sorted, each once. Raises ConfigError."""
    known = target_names(project_dir(config))
    wanted = known if ALL_TARGETS in options.targets else sorted(set(options.targets))
    return tuple(load_target(name, project_dir(config)) for name in wanted)


def kernel_libraries(names: tuple[str, ...], tflm: str | None) -> tuple[str, ...]:
    """Names of the kernel libraries to measure with, that of the TFLM's generation without names.

    Raises ConfigError.
    """
    generation = generation_named(tflm)
    try:
        libraries = [generation.library(name).name for name in names]
    except ConfigError as error:
        error.hint += "; --hil-tflm chooses the TFLM"
        raise
    return tuple(libraries) or (generation.default_library.name,)


def check_outputs(options: Options) -> None:
    """Finds out before the measurements that their results or logs could not be kept."""
    for path in options.files:
        check_writable(path)
        if options.files.count(path) > 1:
            raise ConfigError(f"two kinds of results would be written to {path}")
    if options.parquet is not None:
        from hil.report.frame import check_parquet

        check_parquet()
    for option, folder in (("--hil-log-dir", options.log_dir), ("--hil-bundle", options.bundle)):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"cannot make {option} {folder}: {error.strerror or error}"
            ) from error
