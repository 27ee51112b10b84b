"""What the documentation names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hil.cli.app import MODULES
from hil.gate.expression import parse_expressions
from hil.gate.quantity import QUANTITIES
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {command for commands in MODULES.values() for command in commands}
OPTIONS = (ROOT / "hil" / "plugin" / "options.py").read_text()


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_commands_options_and_links_exist(page: Path) -> None:
    text = page.read_text()
    for command in re.findall(r"(?:^|[`$ ])hil (\w[\w-]*)", "\n".join(code_of(text)), re.M):
        assert command in COMMANDS, command
    for option in re.findall(r"--hil-[a-z-]+", text):
        assert f'"{option}"' in OPTIONS, option
    for link in re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", text):
        assert (page.parent / link).exists(), link


def code_of(text: str) -> list[str]:
    """What stands in code: blocks and spans."""
    return [*re.findall(r"```.*?```", text, re.S), *re.findall(r"`[^`\n]+`", text)]


def test_gates_in_the_documentation_can_be_read() -> None:
    text = (ROOT / "docs" / "nightly.md").read_text()
    found = re.findall(r"[a-z]+(?:\.\w+)?:[+-]?[\d.]+(?:%|pp|KiB|cycles|instructions|ms)?", text)
    gates = [word for word in found if word.partition(":")[0] in QUANTITIES]
    assert len(gates) > 10
    for gate in gates:
        parse_expressions([gate])


def test_every_quantity_is_documented() -> None:
    text = (ROOT / "docs" / "nightly.md").read_text()
    for name in QUANTITIES:
        family, _, part = name.partition(".")
        assert name in text or f"`.{part}`" in text, name
        assert family in text


def test_example_workflows_are_yaml() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text())["jobs"]
        assert any("make nightly" in str(step) for job in jobs.values() for step in job["steps"])
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "nightly.md").read_text(), re.S):
        assert yaml.safe_load(block)
