"""What a user waits for: pytest's help, and both suites when everything is built."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, seconds

ROOT = Path(__file__).parent.parent
SLOW = ("pyocd", "tensorflow", "unicorn", "numpy", "pandas", "pydantic", "rich")
HELP_RUNS = 5
SUITE_RUNS = 3


def figures() -> Iterator[Figure]:
    """`pytest --help` with and without the plugin, and `pytest --target stm32f746` warm."""
    with_plugin = seconds(lambda: _pytest("--help"), HELP_RUNS)
    without = seconds(lambda: _pytest("--help", "-p", "no:hil.plugin"), HELP_RUNS)
    extra = [(a - b) * 1e3 for a, b in zip(with_plugin, without, strict=True)]
    yield Figure("pytest --help, what the plugin adds", "ms", extra)
    yield Figure("slow packages that pytest --help imports", "", [_slow_imports()], at_most=0)
    suites = seconds(lambda: _pytest("--target", "stm32f746", "-q"), SUITE_RUNS)
    yield Figure("pytest --target stm32f746, both suites, warm", "s", suites, at_most=30)


def _pytest(*arguments: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def _slow_imports() -> int:
    code = (
        "import sys, pytest; pytest.main(['--help']); "
        f"print(len([n for n in {SLOW} if n in sys.modules]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])
