"""What the history keeps: sessions and runs, those without a result included."""

from __future__ import annotations

import json
import platform
import re
import secrets
import shlex
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime

from hil import __version__
from hil.frozen import Record
from hil.record import HostOnly, RunRecord, RunResult, Verdict
from hil.vocab import RunOrigin, Status


class StoredSession(Record):
    """One call of pytest or of `hil`."""

    session_id: str
    started_utc: str
    host: str
    arguments: tuple[str, ...]
    source_commit: str | None = None
    hil_version: str = __version__

    @property
    def command(self) -> str:
        """The call as a line for the shell."""
        return shlex.join(self.arguments)

    @classmethod
    def begin(cls, arguments: Sequence[str], source_commit: str | None) -> StoredSession:
        """The session that begins now, on this host."""
        return cls(
            session_id=new_id(),
            started_utc=now_utc(),
            host=platform.node() or "unknown",
            arguments=tuple(_without_password(argument) for argument in arguments),
            source_commit=source_commit,
        )


class SessionEnd(Record):
    """How a session ended; `complete` unless it was interrupted."""

    session_id: str
    ended_utc: str
    exit_status: int
    complete: bool


class StoredRun(Record):
    """A run with its verdicts. Without a result `record` is None and `reason` says why; `place` is
    its model's in the suite.
    """

    run_id: str
    session: StoredSession
    place: int = 0
    started_utc: str
    origin: RunOrigin
    suite: str | None
    model: str
    target: str
    kernels: str
    reason: str = ""
    record: RunRecord | None = None
    host_only: HostOnly | None = None
    verdicts: tuple[Verdict, ...] = ()

    @classmethod
    def of(cls, record: RunRecord, session: StoredSession, place: int = 0) -> StoredRun:
        """A measured run, not judged yet."""
        return cls(
            run_id=record.run_id,
            session=session,
            place=place,
            started_utc=record.started_utc,
            origin=record.origin,
            suite=record.suite,
            model=record.model,
            target=record.target,
            kernels=record.kernels,
            record=record,
        )

    @classmethod
    def failed(
        cls, result: RunResult, session: StoredSession, origin: RunOrigin, place: int = 0
    ) -> StoredRun:
        """A run that gave no result."""
        return cls(
            run_id=new_id(),
            session=session,
            place=place,
            started_utc=now_utc(),
            origin=origin,
            suite=result.suite,
            model=result.model,
            target=result.target,
            kernels=result.kernels,
            reason=result.reason,
            host_only=result.host_only,
        )

    @property
    def status(self) -> Status | None:
        """The worst of its verdicts; None before the first."""
        return self.result().status if self.verdicts else None

    def result(self) -> RunResult:
        """The run as reports show it."""
        result = RunResult(
            self.suite,
            self.model,
            self.target,
            self.kernels,
            record=self.record,
            reason=self.reason,
            host_only=self.host_only,
        )
        result.verdicts = {verdict.check: verdict for verdict in self.verdicts}
        return result

    def pack(self) -> bytes:
        """All but session and verdicts, as compressed JSON."""
        return zlib.compress(
            self.model_dump_json(exclude={"session", "verdicts"}, exclude_defaults=True).encode()
        )

    @classmethod
    def unpack(cls, body: bytes, session: StoredSession, verdicts: Sequence[Verdict]) -> StoredRun:
        """What `pack` made. Raises ValueError."""
        fields = json.loads(zlib.decompress(body))
        return cls.model_validate({**fields, "session": session, "verdicts": tuple(verdicts)})


def _without_password(argument: str) -> str:
    """An argument of which nobody learns the password of a database."""
    hidden = re.sub(r"(\w://[^:/@\s]*:)[^@\s]+@", r"\1***@", argument)
    return re.sub(r"([?&]password=)[^&\s]+", r"\1***", hidden)


def now_utc() -> str:
    """Now, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_id() -> str:
    """A new id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
