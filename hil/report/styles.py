"""How the terminal colours what it says; imports nothing slow."""

from __future__ import annotations

from hil.gate.change import Direction
from hil.vocab import Status

STATUS_STYLES = {
    Status.PASS: "green",
    Status.NEW: "cyan",
    Status.FAIL: "bold red",
    Status.ERROR: "bold red",
    Status.UNSUPPORTED: "yellow",
    Status.SKIP: "yellow",
}
CHANGE_STYLES = {Direction.WORSE: "red", Direction.BETTER: "green", Direction.SAME: "dim"}
