"""The pytest plugin: what every pytest run loads in an environment that has hil installed.

It imports nothing slow, and without `--target` it changes nothing but to skip hil's own items. With
targets, `hil.plugin.session` takes over.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.plugin.fixtures import hil_board, hil_device, hil_run, hil_target
from hil.plugin.options import SHORT_TARGET, add_options, add_short_target, read_options

if TYPE_CHECKING:
    from hil.plugin.items import SuiteFile

__all__ = ["hil_board", "hil_device", "hil_run", "hil_target"]

SUITE_FILE = "suite.toml"
SESSION_PLUGIN = "hil-session"
_SHORT_TARGET_IS_OURS = pytest.StashKey[bool]()
MARKERS = (
    "hil(model): the model a test with hil fixtures runs, by its name in the suite.toml beside it",
    "hil_gate(*expressions): hold this check, or this test's run, to these limits against the "
    "baseline, before those of the suite and of --hil-gate",
    "hil_targets(*patterns): measure this test only on targets that match a pattern",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options of `hil.plugin.options`."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Declares `--target` once every installed plugin has declared its options."""
    early_config.stash[_SHORT_TARGET_IS_OURS] = add_short_target(parser)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Says whose `--target` was given, when it is not ours."""
    ours = config.stash.get(_SHORT_TARGET_IS_OURS, True)
    if ours or not config.getoption(SHORT_TARGET, None):
        return None
    return "hil: --target belongs to another plugin here; to measure, give --hil-target"


def pytest_configure(config: pytest.Config) -> None:
    """Starts a session when there are targets to measure on."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    options = read_options(config)
    if options.is_active:
        from hil.plugin.session import HilSession

        config.pluginmanager.register(HilSession(config, options), SESSION_PLUGIN)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collects the `suite.toml` files that are ours."""
    if file_path.name != SUITE_FILE:
        return None
    from hil.suite import is_suite_file

    if not is_suite_file(file_path):
        return None
    from hil.plugin.items import SuiteFile

    suite_file: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    return suite_file
