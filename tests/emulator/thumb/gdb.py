"""A client of GDB's remote protocol, as far as one QEMU process needs it."""

from __future__ import annotations

import socket

TIMEOUT_S = 20.0
CHUNK_BYTES = 1024


class GdbClient:
    """Registers are 4 bytes wide, little-endian, unless `size` says otherwise."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.connect(path)
        self._received = b""
        self.ask("qSupported:xmlRegisters=arm")
        self.ask("qXfer:features:read:target.xml:0,ffb")  # announces the registers' numbers

    def close(self) -> None:
        self._socket.close()

    def ask(self, command: str) -> bytes:
        """The answer to a command. Raises TimeoutError."""
        data = command.encode()
        self._socket.sendall(b"$" + data + f"#{sum(data) & 0xFF:02x}".encode())
        return self._answer()

    def _answer(self) -> bytes:
        while True:
            begin = self._received.find(b"$")
            end = self._received.find(b"#", begin)
            if 0 <= begin < end and len(self._received) >= end + 3:
                answer = self._received[begin + 1 : end]
                self._received = self._received[end + 3 :]
                self._socket.sendall(b"+")
                return answer
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("QEMU has ended")
            self._received += data

    def must(self, command: str) -> None:
        """A command that is answered with OK."""
        answer = self.ask(command)
        assert answer == b"OK", f"{command[:60]}: {answer!r}"

    def read_register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}").decode()), "little")

    def write_register(self, number: int, value: int, size: int = 4) -> None:
        self.must(f"P{number:x}={value.to_bytes(size, 'little').hex()}")

    def read(self, address: int, size: int) -> bytes:
        return b"".join(
            bytes.fromhex(self.ask(f"m{at:x},{min(CHUNK_BYTES, address + size - at):x}").decode())
            for at in range(address, address + size, CHUNK_BYTES)
        )

    def write(self, address: int, data: bytes) -> None:
        for at in range(0, len(data), CHUNK_BYTES):
            part = data[at : at + CHUNK_BYTES]
            self.must(f"M{address + at:x},{len(part):x}:{part.hex()}")

    def run_to_breakpoint(self) -> None:
        """Lets the core run until it halts."""
        answer = self.ask("c")
        assert answer.startswith(b"T05"), answer
