from __future__ import annotations

from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from hil.bench import discover
from hil.bench.bench import Bench, BenchChoice
from hil.errors import BenchError
from hil.target import Target


def connected(monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    probes = [{"id": probe, "vendor": "ST", "product": "ST-LINK"} for probe in ids]
    monkeypatch.setattr(discover, "connected_probes", lambda: probes)


def ports(monkeypatch: pytest.MonkeyPatch, **devices: str) -> None:
    found = [SimpleNamespace(device=f"/dev/{d}", serial_number=s) for d, s in devices.items()]
    monkeypatch.setattr(list_ports, "comports", lambda: found)


def test_the_one_probe_and_its_port_are_found(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    connected(monkeypatch, "066BFF")
    ports(monkeypatch, ttyACM0="1234", ttyACM1="066bff")
    bench = Bench(BenchChoice(probe_id="auto"))
    board = bench.board(target)
    assert board.id == "066BFF"
    assert board._port_url == "/dev/ttyACM1"  # type: ignore[attr-defined]
    bench.close()


@pytest.mark.parametrize(
    ("ids", "message"),
    [((), "no debug probe"), (("A1", "B2"), "2 debug probes are connected: A1, B2")],
)
def test_none_or_several_are_an_error_that_says_how_to_choose(
    monkeypatch: pytest.MonkeyPatch, ids: tuple[str, ...], message: str
) -> None:
    connected(monkeypatch, *ids)
    with pytest.raises(BenchError, match=message) as caught:
        discover.only_probe()
    assert "--hil-probe=UID --hil-port=URL" in caught.value.hint


def test_a_probe_without_a_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ports(monkeypatch, ttyACM0="1234")
    with pytest.raises(BenchError, match="no serial port belongs to probe 066BFF"):
        discover.port_of("066BFF")
