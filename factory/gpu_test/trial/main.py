"""Run one group of cases.

The folder above is copied to ``TEMP/factory/gpu_test/trial``, where both packages above it are empty, and started as
``python -I -c "import sys; sys.path.insert(0, 'TEMP'); from factory.gpu_test.trial.main import main;
sys.exit(main(sys.argv[1]))" REQUEST.json``.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable, Sequence

import torch

from factory.gpu_test.trial import machine
from factory.gpu_test.trial.case import Timing, Trial
from factory.gpu_test.trial.protocol import Speaker
from factory.gpu_test.trial.request import Request, read
from factory.gpu_test.trial.rule import Result, failed

IMPORT = "import"


def main(path: str) -> int:
    """Run the group that the file ``path`` asks for; return 0 if it ran to its end, whatever came of it."""
    request = read(path)
    speaker = Speaker()
    torch.set_float32_matmul_precision("highest")  # the reference is float32, not TF32
    if request.group == IMPORT:
        speaker.machine(machine.facts(request))
    try:
        trials = list(_trials(request))
    except Exception as error:  # noqa: BLE001 - a wheel that cannot be imported may raise anything
        speaker.case(request, "import flash_attn", failed(_said(error)))
        return 1
    if not _run(trials, request, speaker):
        return 1
    speaker.end()
    return 0


def _trials(request: Request) -> Iterable[Trial]:
    name = "imports" if request.group == IMPORT else request.group
    trials: Iterable[Trial] = importlib.import_module(f"factory.gpu_test.trial.{name}").trials(request)
    return trials


def _run(trials: Sequence[Trial], request: Request, speaker: Speaker) -> bool:
    """Try one after the other, as long as the GPU answers."""
    for trial in trials:
        outcome = _outcome(trial, request)
        speaker.outcome(request, trial, outcome)
        if isinstance(outcome, Result) and outcome.outcome == "failed" and not _answers(request):
            return False
    return True


def _outcome(trial: Trial, request: Request) -> Result | Timing:
    try:
        outcome = trial.run()
        _wait(request)
    except Exception as error:  # noqa: BLE001 - whatever a case raises is what came of it
        traceback.print_exc()
        return failed(_said(error))
    return outcome


def _wait(request: Request) -> None:
    if request.device == "cuda" and torch.cuda.is_available():
        torch.cuda.synchronize()


def _answers(request: Request) -> bool:
    """After an illegal access, every later call to the GPU fails too, and says nothing about its own case."""
    try:
        torch.ones(1, device=request.device).item()
        _wait(request)
    except Exception as error:  # noqa: BLE001 - as above
        sys.stderr.write(f"the GPU no longer answers: {_said(error)}\n")
        return False
    return True


def _said(error: BaseException) -> str:
    """The exception in one line: torch puts the cause first and general advice after it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
