"""pyOCD debug probe of emulated boards.

The debug port and access port live here; memory accesses travel to the board process. pyOCD finds
this through the `pyocd.probe` entry point, so it imports nothing but pyOCD and the standard
library (the modules of `hil.emulator` used here are the standard library too).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence
from typing import Any

from pyocd.core import exceptions
from pyocd.core.memory_interface import MemoryInterface
from pyocd.core.plugin import Plugin
from pyocd.probe.debug_probe import DebugProbe

from hil.emulator.connection import Connection
from hil.emulator.protocol import BoardRecord, Op, ReplyStatus, boards_dir

DPIDR_VALUE = 0x5BA02477  # SW-DP version 2, as in the STM32F7
AHB_AP_IDR = 0x74770001
ROM_TABLE = 0xE00FF000
DP_CTRL_STAT, DP_SELECT = 0x4, 0x8
CTRL_REQUESTS = 0x50000000  # CSYSPWRUPREQ and CDBGPWRUPREQ; their acknowledges are one bit above
CTRL_WRITABLE = 0x50000F00
AP_CSW, AP_TAR, AP_DRW, AP_BASE, AP_IDR = 0x00, 0x04, 0x0C, 0xF8, 0xFC
CSW_DEVICE_ENABLED = 0x40
CSW_DEFAULT = 0x23000052 | CSW_DEVICE_ENABLED
CSW_INCREMENT = 0x30
WORD_MASK = 0xFFFFFFFF


class BoardConnection:
    """Requests to one board process. Raises pyOCD's exceptions."""

    def __init__(self, record: BoardRecord) -> None:
        try:
            self._connection = Connection(record)
        except OSError as error:
            raise exceptions.ProbeDisconnected(f"{record.probe_id} is gone: {error}") from error

    def request(self, op: Op, address: int = 0, size: int = 0, data: bytes = b"") -> bytes:
        """Sends one request and gives the reply's bytes."""
        try:
            status, payload = self._connection.request(op, address, size, data)
        except OSError as error:
            raise exceptions.ProbeDisconnected(f"the board process is gone: {error}") from error
        if status == ReplyStatus.BUS_FAULT:
            raise exceptions.TransferFaultError(payload.decode())
        if status != ReplyStatus.OK:
            raise exceptions.ProbeError(payload.decode())
        return payload

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`."""
        return self.request(Op.READ, address, size)

    def write(self, address: int, data: bytes) -> None:
        """Writes `data` at `address`."""
        self.request(Op.WRITE, address, len(data), data)

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()


class BlockMemoryInterface(MemoryInterface):
    """Whole blocks in one request each, as fast probes do it."""

    def __init__(self, connection: BoardConnection) -> None:
        self._connection = connection

    def write_memory(self, addr: int, data: int, transfer_size: int = 32, **_: Any) -> None:
        """Writes one value of `transfer_size` bits."""
        self._connection.write(addr, data.to_bytes(transfer_size // 8, "little"))

    def read_memory(self, addr: int, transfer_size: int = 32, now: bool = True, **_: Any) -> Any:
        """Reads one value of `transfer_size` bits, at once or when the result is called."""
        value = int.from_bytes(self._connection.read(addr, transfer_size // 8), "little")
        return value if now else lambda: value

    def write_memory_block32(self, addr: int, data: Sequence[int], **_: Any) -> None:
        """Writes consecutive words."""
        self._connection.write(addr, struct.pack(f"<{len(data)}I", *data))

    def read_memory_block32(self, addr: int, size: int, **_: Any) -> Sequence[int]:
        """Reads `size` consecutive words."""
        return list(struct.unpack(f"<{size}I", self._connection.read(addr, size * 4)))

    def write_memory_block8(self, addr: int, data: Sequence[int], **_: Any) -> None:
        """Writes consecutive bytes."""
        self._connection.write(addr, bytes(data))

    def read_memory_block8(self, addr: int, size: int, **_: Any) -> Sequence[int]:
        """Reads `size` consecutive bytes."""
        return list(self._connection.read(addr, size))


class EmulatedProbe(DebugProbe):
    """The probe of one emulated board."""

    block_transfers = True  # False: everything through the access port's registers

    @classmethod
    def get_all_connected_probes(
        cls, unique_id: str | None = None, is_explicit: bool = False
    ) -> Collection[DebugProbe]:
        """Probes of the boards that run on this host."""
        return [cls(record) for record in running_boards()]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> DebugProbe | None:
        """The probe of the board whose id is `unique_id`."""
        for record in running_boards():
            if record.probe_id == unique_id:
                return cls(record)
        return None

    def __init__(self, record: BoardRecord) -> None:
        super().__init__()
        self._record = record
        self._connection: BoardConnection | None = None
        self._protocol: DebugProbe.Protocol | None = None
        self._reset_asserted = False
        self._select = self._ctrl = self._tar = 0
        self._csw = CSW_DEFAULT

    @property
    def vendor_name(self) -> str:
        """Shown by `pyocd list`."""
        return "tflm-hil"

    @property
    def product_name(self) -> str:
        """Shown by `pyocd list`."""
        return f"emulated {self._record.chip}"

    @property
    def unique_id(self) -> str:
        """The id of the board."""
        return self._record.probe_id

    @property
    def supported_wire_protocols(self) -> Collection[DebugProbe.Protocol]:
        """SWD, like the ST-LINK on the real board."""
        return [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        """SWD once connected."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether the board process is connected."""
        return self._connection is not None

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        """What pyOCD may ask of this probe."""
        return {DebugProbe.Capability.SWJ_SEQUENCE, DebugProbe.Capability.BANKED_DP_REGISTERS}

    @property
    def _board(self) -> BoardConnection:
        if self._connection is None:
            raise exceptions.ProbeError(f"{self.unique_id} is not open")
        return self._connection

    def open(self) -> None:
        """Connects to the board process."""
        self._connection = BoardConnection(self._record)

    def close(self) -> None:
        """Disconnects; the board goes on."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Starts the wire protocol."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Ends the wire protocol."""
        self._protocol = None

    def swj_sequence(self, length: int, bits: int) -> None:
        """Nothing to switch: the board speaks SWD only."""

    def set_clock(self, frequency: float) -> None:
        """There is no wire whose clock could be set."""

    def reset(self) -> None:
        """Pulses the reset pin."""
        self._board.request(Op.RESET)

    def assert_reset(self, asserted: bool) -> None:
        """Holds the board in reset, or lets it go."""
        if asserted and not self._reset_asserted:
            self._board.request(Op.HOLD_RESET)
        elif self._reset_asserted and not asserted:
            self._board.request(Op.RESET)
        self._reset_asserted = asserted

    def is_reset_asserted(self) -> bool:
        """Whether the board is held in reset."""
        return self._reset_asserted

    def flush(self) -> None:
        """Every request is already answered."""

    # ---- debug port and access port 0 (ARM IHI 0031)

    def read_dp(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Reads a debug port register."""
        value = 0
        if addr == 0:
            value = DPIDR_VALUE
        elif addr == DP_CTRL_STAT and not self._select & 0xF:
            value = self._ctrl | (self._ctrl & CTRL_REQUESTS) << 1
        return value if now else lambda: value

    def write_dp(self, addr: int, data: int) -> None:
        """Writes a debug port register."""
        if addr == DP_CTRL_STAT and not self._select & 0xF:
            self._ctrl = data & CTRL_WRITABLE
        elif addr == DP_SELECT:
            self._select = data

    def read_ap(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Reads an access port register; only port 0 exists."""
        value = 0 if addr >> 24 else self._read_ap_register(addr & 0xFC)
        return value if now else lambda: value

    def _read_ap_register(self, register: int) -> int:
        if register == AP_DRW:
            return self._read_data(1)[0]
        values = {
            AP_IDR: AHB_AP_IDR,
            AP_BASE: ROM_TABLE | 3,
            AP_CSW: self._csw,
            AP_TAR: self._tar,
        }
        return values.get(register, 0)

    def write_ap(self, addr: int, data: int) -> None:
        """Writes an access port register; only port 0 exists."""
        if addr >> 24:
            return
        match addr & 0xFC:
            case 0x00:
                self._csw = (data & ~0xC0) | CSW_DEVICE_ENABLED
            case 0x04:
                self._tar = data
            case 0x0C:
                self._write_data([data])

    def read_ap_multiple(
        self, addr: int, count: int = 1, now: bool = True
    ) -> list[int] | Callable[[], list[int]]:
        """Reads the data register `count` times."""
        values = self._read_data(count)
        return values if now else lambda: values

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        """Writes the data register several times."""
        self._write_data(values)

    def get_memory_interface_for_ap(self, ap_address: Any) -> MemoryInterface | None:
        """Block transfers, unless they are switched off."""
        return BlockMemoryInterface(self._board) if self.block_transfers else None

    @property
    def _access_bytes(self) -> int:
        return 1 << (self._csw & 7)

    def _lane_shift(self, address: int) -> int:
        return 8 * (address & 3) if self._access_bytes < 4 else 0

    def _advance(self, size: int) -> None:
        if self._csw & CSW_INCREMENT:
            self._tar = (self._tar + size) & WORD_MASK

    def _read_data(self, count: int) -> list[int]:
        size = self._access_bytes
        data = self._board.read(self._tar, count * size)
        values = [
            int.from_bytes(data[i : i + size], "little") << self._lane_shift(self._tar + i)
            for i in range(0, len(data), size)
        ]
        self._advance(len(data))
        return values

    def _write_data(self, values: Sequence[int]) -> None:
        size = self._access_bytes
        mask = (1 << 8 * size) - 1
        data = b"".join(
            (value >> self._lane_shift(self._tar + i * size) & mask).to_bytes(size, "little")
            for i, value in enumerate(values)
        )
        self._board.write(self._tar, data)
        self._advance(len(data))


def running_boards() -> list[BoardRecord]:
    """Records of the boards that answer; those of dead processes are removed."""
    records = []
    for path in sorted(boards_dir().glob("*.json")):
        try:
            record = BoardRecord.parse(path.read_text())
            Connection(record).close()
        except (OSError, ValueError, TypeError):
            path.unlink(missing_ok=True)
            continue
        records.append(record)
    return records


class EmulatedProbePlugin(Plugin):
    """Entry point `pyocd.probe`."""

    def load(self) -> type[DebugProbe]:
        """The probe class; also makes the targets known that pyOCD lacks."""
        from hil.flash.pyocd_targets import register_targets

        register_targets()
        return EmulatedProbe

    @property
    def name(self) -> str:
        """The probe type's name, as in `pyocd list --probe emulated:ID`."""
        return "emulated"

    @property
    def description(self) -> str:
        """Shown by `pyocd list --plugins`."""
        return "Boards emulated by tflm-hil"
