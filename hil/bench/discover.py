"""`--hil-probe auto`: the one probe there is, and the serial port that comes with it."""

from __future__ import annotations

from hil.child import ChildProcess
from hil.emulator.protocol import PROBE_PREFIX, BoardRecord, boards_dir
from hil.errors import BenchError
from hil.flash.pyocd_flasher import MODULE

AUTO = "auto"
PROBES_TIMEOUT_S = 30.0
NAME_THEM = "name them: --hil-probe=UID --hil-port=URL; `hil doctor` lists both"


def connected_probes() -> list[dict[str, str]]:
    """Probes that pyOCD sees: `id`, `vendor`, `product` of each. Raises HilError."""
    child = ChildProcess(MODULE)
    try:
        found = child.call("probes", {}, timeout_s=PROBES_TIMEOUT_S)
    finally:
        child.close()
    probes: list[dict[str, str]] = found["probes"]
    return probes


def only_probe() -> str:
    """The id of the one connected probe. Raises BenchError when there is none, or several."""
    probes = connected_probes()
    if len(probes) == 1:
        return probes[0]["id"]
    if not probes:
        raise BenchError("no debug probe is connected", hint=f"plug one in, or {NAME_THEM}")
    ids = ", ".join(probe["id"] for probe in probes)
    raise BenchError(f"{len(probes)} debug probes are connected: {ids}", hint=NAME_THEM)


def port_of(probe_id: str) -> str:
    """The serial port of the board with that probe: the one of the same USB serial number.

    Raises BenchError when there is none.
    """
    if probe_id.startswith(PROBE_PREFIX):
        listed = boards_dir() / f"{probe_id}.json"
        if listed.is_file():
            return BoardRecord.parse(listed.read_text()).port
    from serial.tools import list_ports

    for port in list_ports.comports():
        if port.serial_number and port.serial_number.lower() == probe_id.lower():
            return str(port.device)
    raise BenchError(f"no serial port belongs to probe {probe_id}", hint=NAME_THEM)
