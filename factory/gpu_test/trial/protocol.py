"""What the trial says to the factory: one JSON object a line."""

from __future__ import annotations

import json
import math
import os
import sys
from typing import Any

from factory.gpu_test.trial.case import Timing, Trial
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result


class Speaker:
    """Writes lines to what was standard output when it was made; all else then goes to standard error.

    Kernels print too, past Python.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._cases = 0

    def case(self, request: Request, name: str, result: Result) -> None:
        """Write what came of a case."""
        self._cases += 1
        self._say(
            {
                "kind": "case",
                "group": request.group,
                "name": name,
                "outcome": result.outcome,
                "error": _number(result.error),
                "allowed": _number(result.allowed),
                "why": result.why,
            }
        )

    def outcome(self, request: Request, trial: Trial, outcome: Result | Timing) -> None:
        """Write what came of a trial."""
        if isinstance(outcome, Result):
            self.case(request, trial.name, outcome)
        else:
            times = {"ours_ms": outcome.ours_ms, "sdpa_ms": outcome.sdpa_ms, "beside_ms": outcome.beside_ms}
            self._say({"kind": "timing", "name": trial.name, **times})

    def machine(self, facts: dict[str, str | None]) -> None:
        """Write what this runs on."""
        self._say({"kind": "machine", **facts})

    def end(self) -> None:
        """Write that the group ran to its end, and how many cases were said."""
        self._say({"kind": "end", "cases": self._cases})

    def _say(self, line: dict[str, Any]) -> None:
        self._out.write(json.dumps(line, allow_nan=False) + "\n")
        self._out.flush()


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
