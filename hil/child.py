"""Child processes that do what must not be done in pytest's own: pyOCD and host interpreters.

They change the working folder, print, hang and abort. Each child answers one request at a time, as
lines of JSON on pipes, and stays warm in between. The other end is `hil.child_loop`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from time import monotonic
from typing import IO, Any

from hil import errors
from hil.errors import HilError

EXIT_GRACE_S = 2.0
STDERR_TAIL_LINES = 12
READ_BYTES = 1 << 16

Json = dict[str, Any]


class ChildDied(HilError):
    """The child process ended or stopped answering; `detail` has the end of what it printed."""


class ChildProcess:
    """A `python -m MODULE` that serves requests. Not thread-safe.

    It runs in a session of its own and is killed as a group, without any `PYOCD_*` variable.
    """

    def __init__(self, module: str, *, environment: Mapping[str, str] | None = None) -> None:
        self.module = module
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._pending = b""

    @property
    def is_running(self) -> bool:
        """Whether a request would find the child warm."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the child if it is not running; its imports go on in the background."""
        if self.is_running:
            return
        self.close()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYOCD_")}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._pending = b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=kept | self._environment,
            start_new_session=True,
        )

    def call(
        self,
        operation: str,
        arguments: Json,
        *,
        timeout_s: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> Json:
        """The child's answer. Raises what it raised (a HilError), or ChildDied."""
        self.start()
        assert self._process is not None and self._process.stdin is not None
        request = json.dumps({"operation": operation, "arguments": arguments}) + "\n"
        deadline = monotonic() + timeout_s
        try:
            self._process.stdin.write(request.encode())
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._died(operation) from error
        while True:
            reply = self._read_line(operation, deadline, timeout_s)
            if "progress" in reply:
                if on_progress is not None:
                    on_progress(reply["progress"])
                continue
            if "error" in reply:
                raise _rebuild_error(reply["error"])
            result: Json = reply["result"]
            return result

    def _read_line(self, operation: str, deadline: float, timeout_s: float) -> Json:
        assert self._process is not None and self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in self._pending:
                if not selector.select(max(0.0, deadline - monotonic())):
                    error = self._died(operation, f"did not answer within {timeout_s:g} s")
                    self.kill()
                    raise error
                data = os.read(descriptor, READ_BYTES)
                if not data:
                    raise self._died(operation)
                self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        reply: Json = json.loads(line)
        return reply

    def _died(self, operation: str, what: str = "") -> ChildDied:
        if not what and self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(EXIT_GRACE_S)
            what = _exit_in_words(self._process.returncode)
        return ChildDied(f"{self.module} {what}", step=operation, detail=self._stderr_tail())

    def _stderr_tail(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        lines = self._stderr.read().decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-STDERR_TAIL_LINES:])

    def kill(self) -> None:
        """Ends the child and whatever it started, at once."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Lets the child end, and kills it when it does not."""
        if self._process is None:
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_GRACE_S)
        self.kill()
        self._process.stdout.close()
        self._process = None
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None


def _exit_in_words(code: int | None) -> str:
    if code is None:
        return "closed its output"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _rebuild_error(error: Json) -> HilError:
    kind = getattr(errors, error["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, HilError)):
        kind = HilError
    return kind(
        error["message"],
        hint=error["hint"],
        board=error["board"],
        step=error["step"],
        detail=error["detail"],
    )
