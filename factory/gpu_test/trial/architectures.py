"""GPU code of the wheel that the driver does not take on this GPU, though it could: a sample of each.

All other code is hidden from the driver. PTX is compiled by it, a whole file at a time and for up to a minute, so the
sample is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import Case, Timing, Trial, not_tried
from factory.gpu_test.trial.extension import load, using
from factory.gpu_test.trial.kind import CAUSAL
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result

# A plain forward pass, one that splits the keys, and a backward pass.
CASES = (
    Case("bf16", 64, (256, 384), CAUSAL),
    Case("fp16", 128, (3, 4096), heads=(2, 2), batch=1),
    Case("bf16", 64, (256, 256), CAUSAL, backward=True),
)


def trials(request: Request) -> Iterator[Trial]:
    """Yield the sample, once for each of the others."""
    if not request.others:
        yield not_tried("other GPU code", "this GPU can run nothing of the wheel but what the driver takes")
    for name, path in request.others:
        for trial in dense.trials(CASES, request):
            yield Trial(f"{name}: {trial.name}", partial(_run, path, trial))


def _run(path: str, trial: Trial) -> Result | Timing:
    with using(load(path)):
        return trial.run()
