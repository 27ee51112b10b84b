"""The command that measures a run again."""

from __future__ import annotations

import shlex

from hil.gate.tree import tflm_option
from hil.record import RunResult, Subject
from hil.tflm.choice import DEFAULT_GENERATION
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
        command += _tflm(record.subject, option.replace("kernels", "tflm"))
        flag = next((f for f in record.subject.flags if f.startswith("-O")), "-O2")
        if flag != "-O2" and command[0] == "pytest":
            command += ["--hil-optimization", flag.removeprefix("-")]
    if baseline is not None and command[0] == "pytest":
        command += ["--hil-baseline", baseline]
    return shlex.join(command)


def _tflm(subject: Subject, option: str) -> list[str]:
    """The option for another tree than the default one."""
    name = tflm_option(subject)
    return [option, name] if name != DEFAULT_GENERATION else []
