"""Which board a target runs on."""

from __future__ import annotations

from dataclasses import dataclass

from hil.bench.board import Board
from hil.bench.discover import AUTO, only_probe, port_of
from hil.bench.emulated import EmulatedBoard
from hil.bench.named import NamedBoard
from hil.emulator.protocol import PROBE_PREFIX
from hil.errors import BenchError, ConfigError
from hil.target import Target
from hil.vocab import Kind

ANY = "any"
KINDS = (ANY, Kind.HARDWARE.value, Kind.EMULATED.value)


@dataclass(frozen=True)
class BenchChoice:
    """What the user asked for. `kind` is one of KINDS; probe and port name a real board."""

    kind: str = ANY
    probe_id: str | None = None
    port_url: str | None = None

    def __post_init__(self) -> None:
        if self.probe_id != AUTO and (self.probe_id is None) != (self.port_url is None):
            raise ConfigError(
                "a real board needs both its probe and its serial port",
                hint="give --hil-probe UID and --hil-port URL together (`hil doctor` lists both), "
                "or --hil-probe auto",
            )
        is_real = self.probe_id is not None and not self.probe_id.startswith(PROBE_PREFIX)
        if self.kind == Kind.EMULATED.value and is_real:
            raise ConfigError(
                f"--hil-kind emulated and --hil-probe {self.probe_id} contradict each other"
            )


class Bench:
    """Boards of this session, started on first use and kept until `close`."""

    def __init__(self, choice: BenchChoice) -> None:
        self._choice = choice
        self._boards: dict[str, Board] = {}

    def board(self, target: Target) -> Board:
        """The board for `target`. Raises BenchError when there is none of the kind asked for."""
        if target.name not in self._boards:
            self._boards[target.name] = self._new_board(target)
        return self._boards[target.name]

    def _new_board(self, target: Target) -> Board:
        choice = self._choice
        if choice.probe_id is not None:
            probe_id = only_probe() if choice.probe_id == AUTO else choice.probe_id
            board = NamedBoard(target, probe_id, choice.port_url or port_of(probe_id))
            if choice.kind == Kind.HARDWARE.value and board.kind is not Kind.HARDWARE:
                raise BenchError(
                    f"{board.id} is an emulated board, and --hil-kind asks for hardware"
                )
            return board
        if choice.kind == Kind.HARDWARE.value:
            raise BenchError(
                f"no {target.name} board is named, and --hil-kind hardware rules out emulation",
                hint="name it: --hil-probe=UID --hil-port=URL",
            )
        return EmulatedBoard(target)

    def close(self) -> None:
        """Lets go of all boards."""
        while self._boards:
            self._boards.popitem()[1].close()
