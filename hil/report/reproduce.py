"""The command that measures a run again."""

from __future__ import annotations

import shlex

from hil.record import RunResult
from hil.tflm.locate import DEFAULT_GENERATION, PINNED
from hil.vocab import RunOrigin


def reproduction(run: RunResult, baseline: str | None = None) -> str:
    """A line for the shell, to be run where the suites are."""
    record = run.record
    if run.suite is None or (record is not None and record.origin is not RunOrigin.SUITE):
        command = ["hil", "run", f"{run.model}.tflite", "--target", run.target]
        option = "--kernels"
    else:
        command = ["pytest", "--target", run.target, "-k", f"{run.target}-{run.model}"]
        option = "--hil-kernels"
    command += [option, run.kernels]
    if record is not None:
        command += _tflm(record.subject.tflm_origin, option.replace("kernels", "tflm"))
        flag = next((f for f in record.subject.flags if f.startswith("-O")), "-O2")
        if flag != "-O2" and command[0] == "pytest":
            command += ["--hil-optimization", flag.removeprefix("-")]
    if baseline is not None and command[0] == "pytest":
        command += ["--hil-baseline", baseline]
    return shlex.join(command)


def _tflm(origin: str, option: str) -> list[str]:
    """The option for a pinned tree other than the default one."""
    for name, (_, crate) in PINNED.items():
        if crate.origin == origin and name != DEFAULT_GENERATION:
            return [option, name]
    return []
