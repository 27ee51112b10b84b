"""The base of what is written down once and never changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen; unknown fields are errors."""

    # Each is built when it is first used: a command needs a few of them.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
