"""The board process: `python -m hil.emulator.process`, one per emulated board.

Prints one line of JSON (BoardRecord) when it is ready, and ends when its standard input does: a
board never outlives its owner.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hil.emulator.board import Board, Wiring
from hil.emulator.chip import load_chip
from hil.emulator.line import Line, PtyLine, TcpLine
from hil.emulator.protocol import PROBE_PREFIX, REFUSED, BoardRecord, boards_dir
from hil.emulator.server import DebugServer
from hil.errors import HilError

PAGE = 65536


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hil.emulator.process")
    parser.add_argument("--probe-id", required=True)
    parser.add_argument("--chip", required=True)
    parser.add_argument("--hse-hz", type=int, required=True)
    parser.add_argument("--hse-bypass", action="store_true", help="a clock, not a crystal")
    parser.add_argument("--serial", required=True)
    parser.add_argument("--tx", required=True)
    parser.add_argument("--rx", required=True)
    parser.add_argument("--tcp", action="store_true", help="socket:// instead of a pty")
    parser.add_argument("--paced", action="store_true", help="bytes take their time on the line")
    parser.add_argument("--lenient", action="store_true", help="forgive what silicon does not")
    parser.add_argument("--flip-ppm", type=int, default=0)
    parser.add_argument("--drop-ppm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _new_board(options: argparse.Namespace, line: Line) -> Board:
    wiring = Wiring(
        options.hse_hz, options.serial, options.tx, options.rx, hse_bypass=options.hse_bypass
    )
    board = Board(load_chip(options.chip), wiring, line.fd, lenient=options.lenient)
    board.on_refusal = lambda text: print(f"{REFUSED}{text}", file=sys.stderr, flush=True)
    board.control.line_paced = int(options.paced)
    board.control.line_flip_ppm = options.flip_ppm
    board.control.line_drop_ppm = options.drop_ppm
    board.control.line_seed = options.seed
    return board


def _announce(record: BoardRecord) -> Path:
    """Lists the board for probes; the file appears whole or not at all."""
    folder = boards_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    listed = folder / f"{record.probe_id}.json"
    draft = listed.with_suffix(".tmp")
    draft.write_text(record.dump())
    draft.rename(listed)
    return listed


def main() -> int:
    """Runs a board until standard input ends."""
    options = _arguments()
    if not options.probe_id.startswith(PROBE_PREFIX):
        print(f"a probe id begins with {PROBE_PREFIX}", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="hil-board-"))
    listed: Path | None = None
    try:
        line: Line = TcpLine() if options.tcp else PtyLine()
        board = _new_board(options, line)
        server = DebugServer(board, folder / "debug")
        record = BoardRecord(
            options.probe_id, options.chip, str(folder / "debug"), line.url, os.getpid()
        )
        listed = _announce(record)
        board.reset()
        print(record.dump(), flush=True)
        while os.read(sys.stdin.fileno(), PAGE):
            pass
        server.close()
        board.close()
    except HilError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if listed is not None:
            listed.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
