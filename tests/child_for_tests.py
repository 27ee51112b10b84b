"""A child whose operations do what children do when they go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from hil.child_loop import Json, Progress, serve
from hil.errors import FlashError


def pid(_: Json, __: Progress) -> Json:
    return {"pid": os.getpid()}


def environment(_: Json, __: Progress) -> Json:
    return dict(os.environ)


def count(arguments: Json, progress: Progress) -> Json:
    for i in range(arguments["to"]):
        progress((i + 1) / arguments["to"])
    return {}


def chatter(_: Json, __: Progress) -> Json:
    print("to standard output")
    os.write(1, b"from C code\n")
    return {"said": "enough"}


def fail(_: Json, __: Progress) -> Json:
    raise FlashError("worn out", hint="buy another", step="program")


def divide(_: Json, __: Progress) -> Json:
    return {"result": 1 // 0}


def abort(_: Json, __: Progress) -> Json:
    os.write(2, b"last words\n")
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.abort()


def leave(_: Json, __: Progress) -> Json:
    os._exit(3)


def hang(_: Json, __: Progress) -> Json:
    threading.Event().wait()
    return {}


def spawn(_: Json, __: Progress) -> Json:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    return {"pid": process.pid}


if __name__ == "__main__":
    serve(
        {
            "pid": pid,
            "environment": environment,
            "count": count,
            "chatter": chatter,
            "fail": fail,
            "divide": divide,
            "abort": abort,
            "exit": leave,
            "hang": hang,
            "spawn": spawn,
        }
    )
