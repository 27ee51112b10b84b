"""pyOCD's process: `python -m hil.flash.pyocd_child`, driven by `hil.flash.pyocd_flasher`.

Nothing here trusts pyOCD's word: it reports success when a segment lies outside the memory map,
never verifies what it programmed, and reads files from the working folder unless told not to.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from elftools.elf.elffile import ELFFile
from pyocd.core import exceptions
from pyocd.core.helpers import ConnectHelper
from pyocd.core.session import Session
from pyocd.flash.file_programmer import FileProgrammer

from hil.child_loop import Json, Progress, serve
from hil.emulator.protocol import BOARDS_DIR_VARIABLE
from hil.errors import BenchError, FlashError, HilError
from hil.flash.pyocd_flasher import ProbeSettings
from hil.flash.pyocd_targets import register_targets

READ_BACK_BYTES = 1 << 16
LEAST_TARGET_VOLTAGE = 1.0
CONNECTION_HINT = "check the debug cable, the board's power and the connect mode"
UDEV_RULE = (
    "allow it with a udev rule: a line "
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="0483", MODE="0666" (ST-LINK) in '
    "/etc/udev/rules.d/50-hil.rules, then plug the board in again"
)
# Words in pyOCD's and libusb's errors, what they mean, and what to do.
KNOWN_FAILURES = (
    (("busy", "claim"), "is in use by another program", "close the debugger or IDE that holds it"),
    (("access denied", "permission"), "may not be opened", UDEV_RULE),
    (("locked", "protected"), "finds a locked chip", "unlock it yourself: that erases it"),
    (
        ("no ack", "not connected", "unable to connect"),
        "gets no answer from the chip",
        'is the board powered? try connect_mode = "under-reset" in the target file',
    ),
)


@dataclass(frozen=True)
class Segment:
    """Bytes that must be in memory at `address` after programming."""

    address: int
    data: bytes


class PyocdChild:
    """Holds the session with one probe from `program` to the `reset` after it."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._settings: ProbeSettings | None = None

    # ---- operations

    def probes(self, _: Json, __: Progress) -> Json:
        """All probes that pyOCD sees."""
        found = ConnectHelper.get_all_connected_probes(blocking=False)
        return {
            "probes": [
                {"id": p.unique_id, "vendor": p.vendor_name, "product": p.product_name}
                for p in found
            ]
        }

    def program(self, arguments: Json, progress: Progress) -> Json:
        """Programs and reads back an ELF file."""
        start = monotonic()
        with self._target(arguments) as target:
            settings = ProbeSettings(**arguments["settings"])
            chip_id = _check_chip(target, settings)
            _check_unlocked(target, settings)
            segments = _segments(arguments["image"])
            _check_memory_map(target, segments)
            target.reset_and_halt()
            programmer = FileProgrammer(
                self._session, progress=progress, chip_erase="sector", smart_flash=True
            )
            programmer.add_file(arguments["image"], file_format="elf")
            programmer.commit()
            _read_back(target, segments)
        size = sum(len(segment.data) for segment in segments)
        return {
            "programmed_bytes": size,
            "verified_bytes": size,
            "chip_id": chip_id,
            "duration_s": monotonic() - start,
        }

    def reset(self, arguments: Json, _: Progress) -> Json:
        """Resets the board, lets it run, and detaches: no debugger stays while it is measured."""
        with self._target(arguments) as target:
            target.reset()
        self._close()
        return {}

    def release(self, _: Json, __: Progress) -> Json:
        """Detaches."""
        self._close()
        return {}

    # ---- the session

    @contextlib.contextmanager
    def _target(self, arguments: Json) -> Iterator[Any]:
        """The probe's target; pyOCD's errors become ours, and a failed session is closed."""
        settings = ProbeSettings(**arguments["settings"])
        try:
            self._open(settings)
            assert self._session is not None
            yield self._session.target
        except HilError:
            self._close()
            raise
        except exceptions.Error as error:
            session = self._session
            self._close()
            raise _translate(error, settings, session) from error

    def _open(self, settings: ProbeSettings) -> None:
        if self._session is not None and self._settings == settings:
            return
        self._close()
        if settings.boards_dir is not None:
            os.environ[BOARDS_DIR_VARIABLE] = settings.boards_dir
        probe = _find_probe(settings.probe_id)
        self._session = Session(
            probe,
            no_config=True,
            user_script=os.devnull,
            auto_open=False,
            options={
                "target_override": settings.pyocd_target,
                "frequency": settings.frequency_hz,
                "connect_mode": settings.connect_mode,
                "reset.post_delay": settings.reset_post_delay_s,
                "auto_unlock": False,
                "hide_programming_progress": True,
                "resume_on_disconnect": True,
            },
        )
        self._settings = settings
        self._session.open()

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(exceptions.Error):
                session.close()


def _find_probe(probe_id: str) -> Any:
    found = ConnectHelper.get_all_connected_probes(blocking=False)
    for probe in found:
        if probe.unique_id == probe_id:
            return probe
    present = ", ".join(probe.unique_id for probe in found) or "none"
    hint = f"connected probes: {present}"
    if not found:
        hint += f"; one that is plugged in and not seen may lack permission: {UDEV_RULE}"
    raise BenchError(f"no probe {probe_id}", hint=hint, step="probe")


def _check_chip(target: Any, settings: ProbeSettings) -> int:
    """The chip id, read before anything is written. Raises BenchError on another chip."""
    chip_id: int = target.read32(settings.chip_id_address)
    if chip_id & settings.chip_id_mask != settings.chip_id_value:
        raise BenchError(
            f"the chip answers with id {chip_id & settings.chip_id_mask:#x}, "
            f"this target's is {settings.chip_id_value:#x}",
            hint="is this probe on the board you mean? nothing was programmed",
            step="probe",
        )
    return chip_id


def _check_unlocked(target: Any, settings: ProbeSettings) -> None:
    """Whether flash may be written. Unlocking erases the chip: that is left to the user."""
    if settings.unlocked_address is None:
        return
    found: int = target.read32(settings.unlocked_address) & settings.unlocked_mask
    if found != settings.unlocked_value:
        raise BenchError(
            f"the chip is read-protected (option bytes read {found:#x}, "
            f"{settings.unlocked_value:#x} is unprotected)",
            hint="unlock it yourself, as with STM32CubeProgrammer: that erases all of its flash",
            step="probe",
        )


def _segments(path: str) -> list[Segment]:
    with Path(path).open("rb") as file:
        return [
            Segment(segment["p_paddr"], segment.data())
            for segment in ELFFile(file).iter_segments("PT_LOAD")
            if segment["p_filesz"]
        ]


def _check_memory_map(target: Any, segments: list[Segment]) -> None:
    for segment in segments:
        last = segment.address + len(segment.data) - 1
        for address in (segment.address, last):
            region = target.memory_map.get_region_for_address(address)
            if region is None or not region.is_flash:
                raise FlashError(
                    f"the image has bytes at {address:#010x}, where this chip has no flash",
                    hint="is the image built for this target?",
                    step="program",
                )


def _read_back(target: Any, segments: list[Segment]) -> None:
    for segment in segments:
        for offset in range(0, len(segment.data), READ_BACK_BYTES):
            expected = segment.data[offset : offset + READ_BACK_BYTES]
            address = segment.address + offset
            found = bytes(target.read_memory_block8(address, len(expected)))
            if found != expected:
                first = next(
                    i
                    for i, pair in enumerate(zip(found, expected, strict=True))
                    if pair[0] != pair[1]
                )
                raise FlashError(
                    f"flash at {address + first:#010x} reads {found[first]:#04x} "
                    f"instead of {expected[first]:#04x}",
                    hint="worn flash, or a power supply that dips while programming",
                    step="read back",
                )


def _translate(error: exceptions.Error, settings: ProbeSettings, session: Any) -> HilError:
    """PyOCD's error as ours, with what to do about it."""
    text = str(error)
    if isinstance(error, exceptions.FlashFailure):
        return FlashError(text, step="program", hint="is the flash write-protected?")
    if isinstance(error, exceptions.TargetSupportError):
        return BenchError(
            f"pyOCD does not know target {settings.pyocd_target}: {error}", step="probe"
        )
    voltage = _target_voltage(session)
    if voltage is not None and voltage < LEAST_TARGET_VOLTAGE:
        return BenchError(
            f"probe {settings.probe_id} measures {voltage:.1f} V at the board: it has no power",
            hint="power the board; check its jumpers and the debug cable",
            step="probe",
        )
    message, hint = f"{type(error).__name__}: {text}", CONNECTION_HINT
    for words, said, remedy in KNOWN_FAILURES:
        if any(word in text.lower() for word in words):
            message, hint = f"probe {settings.probe_id} {said}: {text}", remedy
            break
    return BenchError(message, hint=hint, step="probe")


def _target_voltage(session: Any) -> float | None:
    """What an ST-LINK measures at the board, in volts; None when the probe cannot tell."""
    link = getattr(getattr(session, "probe", None), "_link", None)
    voltage = getattr(link, "target_voltage", None)
    return float(voltage) if isinstance(voltage, int | float) else None


def main() -> None:
    """Serves until standard input ends."""
    logging.basicConfig(level=logging.WARNING)
    register_targets()
    child = PyocdChild()
    serve(
        {
            "probes": child.probes,
            "program": child.program,
            "reset": child.reset,
            "release": child.release,
        }
    )


if __name__ == "__main__":
    main()
