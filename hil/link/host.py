"""What the host brings to a conversation besides bytes: the time, and numbers nobody knows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

# Gives seconds that never go back.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Host:
    """This host's clock, and its nonces of 32 bits; a replay has those of its record."""

    now: Clock = monotonic
    nonce: Callable[[], int] = lambda: secrets.randbits(32)


HOST = Host()
