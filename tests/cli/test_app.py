from __future__ import annotations

import subprocess
import sys

import pytest

from hil.cli.app import MODULES, make_app
from hil.cli.listing import SHORT_HELP
from tests.cli.test_cli import DIGITS, hil

# What each of these alone takes longer to import than the whole start-up may.
HEAVY = ("pandas", "sqlalchemy", "plotly", "pyocd", "elftools", "hil.bench.emulated")


def test_the_list_of_commands_says_what_the_commands_say() -> None:
    """Whoever adds or changes a command adds its line to hil/cli/listing.py."""
    app = make_app()
    texts = {
        command.name: " ".join((command.callback.__doc__ or "").split("\n\n")[0].split())
        for command in app.registered_commands
        if command.callback is not None
    }
    for group in app.registered_groups:
        assert group.typer_instance is not None
        texts[group.name] = str(group.typer_instance.info.help)
    assert texts == SHORT_HELP
    assert {name for commands in MODULES.values() for name in commands} == set(SHORT_HELP)


def test_help_lists_all_commands_and_an_unknown_one_gets_the_nearest() -> None:
    text = hil("--help").stdout
    assert all(f" {name} " in text for name in SHORT_HELP)
    done = hil("rnu")
    assert done.returncode == 2
    assert "Did you mean 'run'?" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["model", "inspect", DIGITS]])
def test_short_commands_import_nothing_heavy(arguments: list[object]) -> None:
    program = (
        "import sys; from hil.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = done.stderr.split()
    assert "hil.cli.app" in loaded
    assert [name for name in HEAVY if name in loaded] == []
