"""Models that cannot run, in one line: a row of dashes for each says less."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hil.record import HostScore, RunResult
from hil.vocab import Status

_OPERATOR = re.compile(r"^operators? [\d, and]+ (?=\w+: )")
_RAN_BEFORE = re.compile(r"it ran in baseline .*$")
_REST = re.compile(r" \(its tensors: |; ")


def is_unsupported(run: RunResult) -> bool:
    """Whether a run has no result because the model cannot run there."""
    return run.record is None and run.status is Status.UNSUPPORTED


def unsupported_text(runs: Sequence[RunResult]) -> str:
    """Which of the runs are unsupported and why, "" when none is.

    Models with the same reason stand together; what LiteRT scores on the host stands with each.
    """
    names: dict[str, list[str]] = {}
    for run in filter(is_unsupported, runs):
        names.setdefault(_cause(run), []).append(_name(run))
    return "; ".join(f"{', '.join(models)}: {cause}" for cause, models in names.items())


def _cause(run: RunResult) -> str:
    """The first reason, without where it is and without its remedy."""
    first = run.reason.splitlines()[0] if run.reason else "no reason was recorded"
    cause = _REST.split(_OPERATOR.sub("", first))[0]
    ran = _RAN_BEFORE.search(first)
    return f"{cause}; {ran[0]}" if ran else cause


def _name(run: RunResult) -> str:
    host = run.host_only
    if host is None:
        return run.model
    scores = (("", host.same_vectors), (" on the host set", host.larger_set))
    said = [_score(score, where) for where, score in scores if score is not None]
    return f"{run.model} ({', '.join(said)})" if said else run.model


def _score(score: HostScore, where: str) -> str:
    if score.value is None:
        return f"no accuracy of LiteRT{where}: {score.reason.splitlines()[0]}"
    return f"{score.metric} of LiteRT{where} {score.value:.4f}"
