"""The same bits every time: forward always, gradients with deterministic=True."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Callable

import torch
from flash_attn import flash_attn_func

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import DTYPES, Case, Trial, chosen
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.reference import QKV
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result, passed_if

TIMES = 10
HEAD_SIZES = (32, 64, 96, 128, 192, 256)


def trials(request: Request) -> Iterator[Trial]:
    """Return cases that repeat plain, splitting and backward kernels of every size."""
    return chosen(
        _cases(),
        request,
        lambda case: case.needs(request.kernels),
        lambda case: Trial(f"{case.name} repeated", partial(_repeat, case, request)),
    )


def _cases() -> Iterator[Case]:
    for dtype in DTYPES:
        for head_size in HEAD_SIZES:
            yield Case(dtype, head_size, (513, 600), Kind(causal=True))
            yield Case(dtype, head_size, (3, 4099), heads=(2, 2), batch=1)
            yield Case(dtype, head_size, (257, 512), Kind(causal=True), heads=(6, 2), batch=2, backward=True)


def _repeat(case: Case, request: Request) -> Result:
    inputs = dense.draw(case, request)
    once = partial(_gradients if case.backward else _output, case, inputs)
    return _same(once)


def _same(once: Callable[[], tuple[torch.Tensor, ...]]) -> Result:
    first = once()
    for number in range(1, TIMES):
        if not all(map(torch.equal, first, once())):
            return passed_if(true=False, why=f"time {number + 1} is not the same as the first")
    finite = all(bool(torch.isfinite(tensor).all()) for tensor in first)
    return passed_if(true=finite, why="some values are NaN or infinite")


def _output(case: Case, inputs: dense.Inputs) -> tuple[torch.Tensor, ...]:
    return (dense.call(case, inputs, inputs.qkv),)


def _gradients(case: Case, inputs: dense.Inputs) -> tuple[torch.Tensor, ...]:
    query, key, value = (tensor.detach().requires_grad_() for tensor in inputs.qkv)
    leaves: QKV = (query, key, value)
    out = flash_attn_func(*leaves, deterministic=True, **case.kind.keywords)
    gradients: tuple[torch.Tensor, ...] = torch.autograd.grad(out, leaves, inputs.gradient)
    return gradients
