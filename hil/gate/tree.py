"""The TFLM tree behind a run, and what leads back to it: pinned trees by their generation."""

from __future__ import annotations

from hil.record import Subject

HASH_DIGITS = 12
FOLDER = "folder "


def told_tree(subject: Subject) -> str:
    """The tree for people: generation, where it came from, the first digits of its digest."""
    generation = generation_of(subject)
    name = f"{generation}, " if generation is not None else ""
    return f"{name}{subject.tflm_origin}, {subject.tflm_digest[:HASH_DIGITS]}"


def generation_of(subject: Subject) -> str | None:
    """The name of its generation; records from before there were several tell it by the crate."""
    return subject.tflm_generation or _pinned(subject)


def tflm_option(subject: Subject) -> str:
    """What `--hil-tflm` takes to build from the same tree: a folder is known by its name alone."""
    return _pinned(subject) or subject.tflm_origin.removeprefix(FOLDER)


def _pinned(subject: Subject) -> str | None:
    """The pinned tree's name, None for a folder."""
    # Every pytest run imports this module, and generations come with all their rules.
    from hil.tflm.locate import PINNED

    return next(
        (n for n, (_, crate) in PINNED.items() if crate.origin == subject.tflm_origin), None
    )
