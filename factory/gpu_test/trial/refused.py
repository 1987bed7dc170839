"""What a wheel must refuse, in upstream's words: what its profile leaves out, and what no wheel can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Callable

import torch
from flash_attn import flash_attn_varlen_func, flash_attn_with_kvcache

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import Case, Trial, not_tried
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result, failed, passed_if

# The messages of csrc/flash_attn/flash_api.cpp, word for word; the same in 2.7.4.post1 and 2.8.3.post2.
REFUSALS = {
    "BACKWARD": "This flash attention build does not support backward.",
    "DROPOUT": "This flash attention build does not support dropout.",
    "ALIBI": "This flash attention build does not support alibi.",
    "SOFTCAP": "This flash attention build does not support softcap.",
    "LOCAL": "This flash attention build does not support local attention.",
    "UNEVEN_K": "This flash attention build does not support headdim not being a multiple of 32.",
}
SEQLENS = (128, 128)
PLAIN = Case("fp16", 64, SEQLENS, heads=(4, 2), batch=2)
NEEDING = {
    "BACKWARD": replace(PLAIN, backward=True),
    "DROPOUT": replace(PLAIN, kind=Kind(dropout=0.17)),
    "ALIBI": replace(PLAIN, kind=Kind(alibi=True)),
    "SOFTCAP": replace(PLAIN, kind=Kind(softcap=15.0)),
    "LOCAL": replace(PLAIN, kind=Kind(window=(16, 16))),
    "UNEVEN_K": replace(PLAIN, head_size=80),
}
NEVER = (
    (replace(PLAIN, head_size=264), "only supports head dimension at most 256"),
    (replace(PLAIN, heads=(4, 3)), "Number of heads in key/value must divide number of heads in query"),
)

Way = Callable[[Case, dense.Inputs], torch.Tensor]


def trials(request: Request) -> Iterator[Trial]:
    """Yield calls of every function that has it with all that the profile leaves out."""
    for switch in sorted(request.disabled):
        case, message = NEEDING[switch], REFUSALS[switch]
        for words, way in _ways(switch):
            yield Trial(f"{switch}: {words}", partial(_refuses, case, way, message, request))
    if not request.disabled:
        yield not_tried("what the profile leaves out", "it leaves out nothing")
    for case, message in NEVER:
        yield Trial(case.name, partial(_refuses, case, _dense, message, request))
    message = "only support fp16 and bf16 data type"
    yield Trial("float32", partial(_refuses, PLAIN, _wide, message, request))


def _ways(switch: str) -> Iterator[tuple[str, Way]]:
    yield "flash_attn_func", _dense
    yield "flash_attn_varlen_func", _varlen
    if switch not in ("BACKWARD", "DROPOUT"):
        yield "flash_attn_with_kvcache", _cached


def _refuses(case: Case, way: Way, message: str, request: Request) -> Result:
    inputs = dense.draw(case, request)
    query, key, value = (tensor.requires_grad_(case.backward) for tensor in inputs.qkv)
    try:
        out = way(case, replace(inputs, qkv=(query, key, value)))
        if case.backward:
            out.sum().backward()
    except RuntimeError as error:
        return passed_if(true=message in str(error), why=f"it is refused otherwise: {str(error).splitlines()[0]}")
    return failed(f'it is done, instead of being refused with "{message}"')


def _dense(case: Case, inputs: dense.Inputs) -> torch.Tensor:
    return dense.call(case, inputs, inputs.qkv)


def _wide(case: Case, inputs: dense.Inputs) -> torch.Tensor:
    query, key, value = (tensor.float() for tensor in inputs.qkv)
    return dense.call(case, inputs, (query, key, value))


def _varlen(case: Case, inputs: dense.Inputs) -> torch.Tensor:
    starts = torch.arange(case.batch + 1, dtype=torch.int32, device=inputs.gradient.device) * SEQLENS[0]
    out: torch.Tensor = flash_attn_varlen_func(
        *(tensor.flatten(0, 1) for tensor in inputs.qkv),
        starts,
        starts,
        *SEQLENS,
        dropout_p=case.kind.dropout,
        alibi_slopes=inputs.slopes,
        **case.kind.keywords,
    )
    return out


def _cached(case: Case, inputs: dense.Inputs) -> torch.Tensor:
    out: torch.Tensor = flash_attn_with_kvcache(*inputs.qkv, alibi_slopes=inputs.slopes, **case.kind.keywords)
    return out
