"""What `hil --help` says of each command, so that it imports none of them: all take 1.5 s.

A test holds these lines against the commands' own.
"""

from __future__ import annotations

import typer

SHORT_HELP = {
    "init": "Write a minimal suite that runs: suite.toml, data.py with random vectors, the model.",
    "doctor": "Check what is installed and connected. Exit code 1 when something needed is "
    "missing.",
    "run": "Run MODEL.tflite on a board and compare it with the host.",
    "model": "Look at models, convert them.",
    "build": "Build the firmware image of a model.",
    "profile": "Show where the time of one inference goes, operator by operator.",
    "arena": "Find the smallest arena that works on the device, and who uses how much memory.",
    "bisect": "Name the first operator that computes something else than the same TFLM on this "
    "host.",
    "targets": "List the targets there are.",
    "emulate": "Start an emulated board and keep it until Ctrl-C.",
    "flash": "Program an image and read it back; with --port also ask it who it is.",
    "baseline": "What later runs are held against.",
    "history": "List runs, newest first, with what changed since the run before of the same model.",
    "show": "Show all that is known of one run.",
    "export": "Write a table with a row per run, with the columns of pytest --hil-csv.",
    "merge": "Take over the runs of another history, as of another bench host. Twice changes "
    "nothing.",
    "prune": "Forget old runs. Those that a baseline names stay, and what both options keep.",
    "report": "Write a session's report as one HTML page: it opens in any browser, without a "
    "network.",
    "tflm": "Look at a TFLM tree of your own, try it, fetch ours.",
    "cache": "Show and shrink the cache of builds.",
    "replay": "Run a bundle's recorded frames through link, checks and report again.",
    "verify": "Check that bundles are what was written, and that their parts belong together.",
    "noise": "Measure the same images N times in turn: by how much does a board differ from "
    "itself?",
}


def list_commands(app: typer.Typer) -> None:
    """Adds the commands by name and first line: enough for help, and to name the nearest."""
    for name, text in SHORT_HELP.items():
        app.command(name, help=text)(_nothing)


def _nothing() -> None:
    pass
