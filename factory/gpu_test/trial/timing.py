"""A sanity check of speed: beside torch's own attention and, if there is one, beside another build's extension.

All take turns in one run, each time between two CUDA events; what is said is the median. Two builds of one source
have to be equally fast.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any, Callable

import torch
from flash_attn import flash_attn_func

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import Case, Timing, Trial, not_tried
from factory.gpu_test.trial.extension import load, using
from factory.gpu_test.trial.kind import CAUSAL
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result, as_fast, passed_if

ROUNDS = 25
CALLS = 5
WARM_UP = 3
# The last one decodes: one query against many keys.
CASES = (
    Case("bf16", 64, (2048, 2048), CAUSAL, heads=(16, 16), batch=4),
    Case("fp16", 64, (4096, 4096), CAUSAL, heads=(16, 16), batch=2),
    Case("bf16", 128, (2048, 2048), CAUSAL, heads=(16, 16), batch=4),
    Case("bf16", 128, (4096, 4096), CAUSAL, heads=(16, 16), batch=2),
    Case("fp16", 128, (4096, 4096), heads=(16, 16), batch=2),
    Case("bf16", 128, (1, 8192), heads=(32, 32), batch=8),
)
TRAINING = Case("bf16", 128, (4096, 4096), CAUSAL, heads=(16, 16), batch=2, backward=True)

Call = Callable[[], Any]


def trials(request: Request) -> Iterator[Trial]:
    """Yield the time of each case, and the speed and the bits of the two builds compared."""
    if request.device != "cuda":
        yield not_tried("timing", f"{request.device} has no CUDA events")
        return
    cases = CASES if "BACKWARD" in request.disabled else (*CASES, TRAINING)
    for case in cases:
        yield Trial(case.name, partial(_time, case, request))
    if request.beside is None:
        yield not_tried("as fast as the other build, and the same bits", "no other build was given")
        return
    for case in cases:
        yield Trial(f"{case.name}: as fast as the other build", partial(_as_fast, case, request))
        yield Trial(f"{case.name}: the same bits as the other build", partial(_same, case, request, request.beside))


@dataclass(frozen=True)
class _Contender:
    call: Call
    extension: ModuleType | None = None


def _time(case: Case, request: Request) -> Timing:
    rounds = _rounds(case, request)
    medians = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    return Timing(medians["ours_ms"], medians["sdpa_ms"], medians.get("beside_ms"))


def _as_fast(case: Case, request: Request) -> Result:
    return as_fast([one["ours_ms"] / one["beside_ms"] for one in _rounds(case, request)])


@cache
def _rounds(case: Case, request: Request) -> tuple[dict[str, float], ...]:
    """Return the milliseconds of every contender in each round."""
    inputs = dense.draw(case, request)
    contenders = {"ours_ms": _Contender(_ours(case, inputs)), "sdpa_ms": _Contender(_sdpa(case, inputs))}
    if request.beside is not None:
        contenders["beside_ms"] = _Contender(_ours(case, inputs), load(request.beside))
    for _ in range(WARM_UP):
        _round(contenders)
    forth, back = contenders, dict(reversed(contenders.items()))  # nobody always runs after the same one
    return tuple(_round(back if number % 2 else forth) for number in range(ROUNDS))


def _round(contenders: Mapping[str, _Contender]) -> dict[str, float]:
    times = {}
    for name, contender in contenders.items():
        with using(contender.extension):
            times[name] = _milliseconds(contender.call)
    return times


def _milliseconds(call: Call) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(CALLS):
        call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / CALLS


def _ours(case: Case, inputs: dense.Inputs) -> Call:
    return partial(_passes, case, inputs, lambda qkv: flash_attn_func(*qkv, **case.kind.keywords), inputs.qkv)


def _sdpa(case: Case, inputs: dense.Inputs) -> Call:
    """Transpose for torch: it wants (batch, heads, seqlen, head_size), and a view costs nothing."""
    transposed = tuple(tensor.transpose(1, 2) for tensor in inputs.qkv)
    attention = torch.nn.functional.scaled_dot_product_attention
    return partial(
        _passes, case, inputs, lambda qkv: attention(*qkv, is_causal=case.kind.causal).transpose(1, 2), transposed
    )


def _passes(case: Case, inputs: dense.Inputs, attention: Callable[[Any], Any], qkv: Any) -> list[torch.Tensor]:  # noqa: ANN401 - torch ships no types here
    """Run forward and, for a case of training, backward."""
    leaves = [tensor.detach().requires_grad_(case.backward) for tensor in qkv]
    out = attention(leaves)
    if not case.backward:
        return [out]
    return [out, *torch.autograd.grad(out, leaves, inputs.gradient)]


def _same(case: Case, request: Request, beside: str) -> Result:
    """The atomic additions of the backward pass come in any order, so only its output is compared."""
    inputs = dense.draw(case, request)
    ours = _ours(case, inputs)()[0]
    with using(load(beside)):
        theirs = _ours(case, inputs)()[0]
    return passed_if(true=torch.equal(ours, theirs), why="the outputs of the two builds are not the same")
