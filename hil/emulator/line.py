"""The host's end of the serial line: a pseudo-terminal, or a TCP port for `socket://`."""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import tty
from typing import Protocol

POLLRDHUP = 0x2000  # select.POLLRDHUP where Python has it


class Line(Protocol):
    """Where a board's serial bytes go."""

    fd: int  # the core reads and writes here
    url: str  # what pyserial's serial_for_url opens

    def close(self) -> None:
        """Releases the port."""


class PtyLine:
    """A pseudo-terminal. With nobody on its other end, bytes sent are lost, as on a real port."""

    def __init__(self) -> None:
        self.fd, other = pty.openpty()
        tty.setraw(other)
        self.url = os.ttyname(other)
        os.set_blocking(self.fd, False)
        os.close(other)

    def close(self) -> None:
        """Removes the pseudo-terminal."""
        os.close(self.fd)


class TcpLine:
    """A TCP port on the loopback interface that serves one client at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        # The core keeps one file descriptor for good; clients are put behind it. In between, a
        # socket without a peer stands in, on which everything reports a hang-up.
        self._nobody, peer = socket.socketpair()
        peer.close()
        self.fd = os.dup(self._nobody.fileno())
        threading.Thread(target=self._serve, name="line", daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setblocking(False)
                os.dup2(client.fileno(), self.fd)
                poll = select.poll()
                poll.register(client.fileno(), POLLRDHUP)
                poll.poll()
                os.dup2(self._nobody.fileno(), self.fd)

    def close(self) -> None:
        """Stops listening."""
        self._listener.close()
        os.close(self.fd)
