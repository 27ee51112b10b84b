"""The child's end of `hil.child`: reads requests, calls functions, writes answers."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from hil.errors import HilError

Json = dict[str, Any]
Progress = Callable[[float], None]
Operation = Callable[[Json, Progress], Json]


def serve(operations: Mapping[str, Operation]) -> None:
    """Answers requests until standard input ends.

    Standard output belongs to the answers: what libraries print goes to standard error instead.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.chdir(tempfile.gettempdir())

    def write(message: Json) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        try:
            operation = operations[request["operation"]]
            result = operation(request["arguments"], lambda done: write({"progress": done}))
            write({"result": result})
        except HilError as error:
            write({"error": _describe(error)})
        except Exception as error:  # an answer is due whatever went wrong; the trace goes along
            failure = HilError(f"{type(error).__name__}: {error}", detail=traceback.format_exc())
            write({"error": _describe(failure)})


def _describe(error: HilError) -> Json:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "board": error.board,
        "step": error.step,
        "detail": error.detail,
    }
