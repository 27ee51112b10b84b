"""The `hil` command. Its parts load when it runs, so that Ctrl-C is answered from the start."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted\n"
# Imports make many objects and no garbage: looking for it takes a tenth of a short command's time.
GC_THRESHOLD = 50_000


def main() -> None:
    """Entry point: Ctrl-C and SIGTERM become an exit code, never a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    gc.set_threshold(GC_THRESHOLD)
    # Other packages' plugins for pydantic have no part in this, and are looked for at every start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from hil.cli.app import run_app

        run_app()
    except KeyboardInterrupt:
        sys.stderr.write(INTERRUPTED)
        sys.exit(EXIT_INTERRUPTED)
    except SystemExit as ended:  # typer has taken the KeyboardInterrupt
        if ended.code == EXIT_INTERRUPTED:
            sys.stderr.write(INTERRUPTED)
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
