"""Window, softcap, alibi and dropout, with gradients where the profile has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Callable

import torch

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import DTYPES, Case, Trial, chosen
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.reference import hidden_keys
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import PASSED, Result, passed_if

OPEN = (20, -1)
WINDOWS = (
    Kind(window=(100, 0)),
    Kind(window=(0, 50)),
    Kind(window=(31, 64)),
    Kind(window=(-1, 20)),
    Kind(window=OPEN),
    Kind(causal=True, window=(64, -1)),
)
OTHERS = (
    Kind(softcap=15.0),
    Kind(causal=True, softcap=50.0),
    Kind(alibi=True),
    Kind(causal=True, alibi=True),
    Kind(window=(60, 10), alibi=True, softcap=15.0),
    Kind(dropout=0.17),
    Kind(causal=True, dropout=0.5),
    Kind(window=(60, 10), dropout=0.17),
)
SEQLENS = ((257, 300), (300, 257), (256, 384))
HEAD_SIZES = (32, 96, 192, 256)
DROPOUT = Kind(dropout=0.17)
SIGMAS = 5


def trials(request: Request) -> Iterator[Trial]:
    """Yield cases of each on two head sizes in three shapes, and once on the others."""
    backward = "BACKWARD" not in request.disabled
    yield from dense.trials(_cases(backward=backward), request)
    for dtype in DTYPES:
        case = Case(dtype, 64, (1000, 1003), DROPOUT, heads=(4, 4), batch=2)
        for words, check in _DROPOUT_CHECKS:
            yield from chosen(
                (case,),
                request,
                lambda case: case.needs(request.kernels),
                partial(_trial, words, check, request),
            )


def _cases(*, backward: bool) -> Iterator[Case]:
    for kind, dtype, seqlens in product((*WINDOWS, *OTHERS), DTYPES, SEQLENS):
        if kind.window == OPEN and seqlens[0] > seqlens[1]:
            # Upstream reads -1 on the right as "as many keys as there are" (flash_api.cpp, set_params_fprop), which
            # hides keys from the first of more queries than keys.
            continue
        head_size = 64 if seqlens[0] % 2 else 128
        yield Case(dtype, head_size, seqlens, kind, heads=(6, 2), batch=2, backward=backward)
    for kind, head_size in product((*WINDOWS[2:3], *OTHERS), HEAD_SIZES):
        # Upstream promises the gradients of dropout above 192 on compute capability 8.0 and 9.0 only.
        full = backward and not (kind.dropout and head_size > 192)  # noqa: PLR2004 - as said above
        yield Case("fp16", head_size, (257, 300), kind, heads=(4, 4), batch=2, backward=full)


def _trial(words: str, check: Callable[[Case, Request], Result], request: Request, case: Case) -> Trial:
    return Trial(f"{case.name}: {words}", partial(check, case, request))


def _statistics(case: Case, request: Request) -> Result:
    """The kernel keeps a weight if a random byte is not above floor(255 x (1 - p)): dropout.h."""
    kept = dense.kept_by_dropout(case, dense.draw(case, request))
    visible = ~hidden_keys(*case.seqlens, case.kind, kept.device)
    count = int(visible.sum()) * kept.shape[0] * kept.shape[1]
    wanted = (math.floor(255 * (1 - case.kind.dropout)) + 1) / 256
    error = abs(float((kept & visible).sum()) / count - wanted)
    allowed = SIGMAS * math.sqrt(wanted * (1 - wanted) / count)
    result = passed_if(true=error <= allowed, why=f"not {wanted:.4f} of the weights are kept")
    return replace(result, error=error, allowed=allowed)


def _repeatable(case: Case, request: Request) -> Result:
    inputs = dense.draw(case, request)
    one, same = dense.kept_by_dropout(case, inputs), dense.kept_by_dropout(case, inputs)
    other = dense.kept_by_dropout(case, replace(inputs, seed=inputs.seed + 1))
    if not torch.equal(one, same):
        return passed_if(true=False, why="two calls from one random state keep different weights")
    return passed_if(true=not torch.equal(one, other), why="two random states keep the same weights")


def _off(case: Case, request: Request) -> Result:
    plain = replace(case, kind=Kind())
    inputs = dense.draw(case, request)
    without = dense.call(plain, inputs, inputs.qkv)
    dropped = dense.call(case, inputs, inputs.qkv)
    again = dense.call(plain, inputs, inputs.qkv)
    result = passed_if(true=torch.equal(without, again), why="dropout 0 does not give the same twice")
    if result.outcome != PASSED:
        return result
    return passed_if(true=not torch.equal(without, dropped), why="dropout changes nothing")


_DROPOUT_CHECKS: tuple[tuple[str, Callable[[Case, Request], Result]], ...] = (
    ("the part that is kept", _statistics),
    ("the random state decides", _repeatable),
    ("off", _off),
)
