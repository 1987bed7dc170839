"""CUDA graphs: captured once, replayed with other numbers in the same memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Callable

import torch
from flash_attn import flash_attn_func, flash_attn_with_kvcache

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import DTYPES, Case, Trial, chosen, not_tried
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.measure import widened
from factory.gpu_test.trial.reference import attention
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import CACHE as CACHE_FACTOR
from factory.gpu_test.trial.rule import Answer, Result, Rule, judge, passed_if

CACHE = 2048
# Dropout of a graph is not measured more finely than by upstream's own tests.
NEAR = 0.01
Change = tuple[torch.Tensor, torch.Tensor]


def trials(request: Request) -> Iterator[Trial]:
    """Yield captures of a plain and a splitting forward pass, of decoding from a cache, and of dropout."""
    if request.device != "cuda":
        yield not_tried("CUDA graphs", f"{request.device} has none")
        return
    for suffix, cases, check in (
        ("", _plain(), _replayed),
        (" decoding", _decoding(), _decoded),
        ("", _dropout(), _dropped),
    ):
        yield from chosen(
            cases,
            request,
            lambda case: case.needs(request.kernels),
            partial(_trial, suffix, check, request),
        )


def _trial(suffix: str, check: Callable[[Case, Request], Result], request: Request, case: Case) -> Trial:
    return Trial(f"{case.name}{suffix} in a graph", partial(check, case, request))


def _plain() -> Iterator[Case]:
    for dtype in DTYPES:
        for head_size in (64, 128, 256):
            yield Case(dtype, head_size, (257, 300), Kind(causal=True))
            yield Case(dtype, head_size, (3, 4099), heads=(2, 2), batch=1)


def _decoding() -> Iterator[Case]:
    for dtype in DTYPES:
        for head_size in (64, 128):
            yield Case(dtype, head_size, (1, CACHE), heads=(8, 2), batch=2)


def _dropout() -> Iterator[Case]:
    for dtype in DTYPES:
        yield Case(dtype, 64, (256, 256), Kind(dropout=0.17), heads=(4, 4), batch=2)


def captured(function: Callable[[], torch.Tensor]) -> tuple[torch.cuda.CUDAGraph, torch.Tensor]:
    """Capture what ``function`` launches; return the graph and the tensor each replay writes."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = function()
    return graph, out


def _replayed(case: Case, request: Request) -> Result:
    held = dense.draw(case, request).qkv
    graph, out = captured(lambda: flash_attn_func(*held, **case.kind.keywords))
    answers = []
    for number in (1, 2):
        qkv = dense.draw(case, replace(request, seed=request.seed + number)).qkv
        _replay(graph, tuple(zip(held, qkv)), out)
        exact, low = attention(widened(qkv), case.kind), attention(qkv, case.kind)
        answers.append(Answer(f"replay {number}", out.clone(), exact, low))
    return judge(answers, Rule())


def _decoded(case: Case, request: Request) -> Result:
    """Lengths too lie in the graph's memory."""
    held = dense.draw(case, request).qkv
    lengths = torch.full((case.batch,), CACHE, dtype=torch.int32, device=request.device)
    graph, out = captured(lambda: flash_attn_with_kvcache(*held, cache_seqlens=lengths))
    answers = []
    for number, length in enumerate((1, 700, CACHE), start=1):
        query, key, value = dense.draw(case, replace(request, seed=request.seed + number)).qkv
        _replay(graph, (*zip(held, (query, key, value)), (lengths, torch.full_like(lengths, length))), out)
        known = (query, key[:, :length], value[:, :length])
        exact, low = attention(widened(known), case.kind), attention(known, case.kind)
        answers.append(Answer(f"replay {number}", out.clone(), exact, low))
    return judge(answers, Rule(CACHE_FACTOR))


def _dropped(case: Case, request: Request) -> Result:
    """Each replay has to go on in the stream of random numbers."""
    held = dense.draw(case, request).qkv

    def weights() -> torch.Tensor:
        dropped: torch.Tensor = flash_attn_func(*held, dropout_p=case.kind.dropout, return_attn_probs=True)[2]
        return dropped

    graph, out = captured(weights)
    masks = []
    for _ in range(2):
        _replay(graph, (), out)
        masks.append(torch.signbit(out))
    part = float(masks[0].float().mean())
    if torch.equal(*masks):
        return passed_if(true=False, why="two replays drop the same weights")
    return passed_if(true=abs(part - case.kind.dropout) < NEAR, why=f"{part:.3f} of the weights are dropped")


def _replay(graph: torch.cuda.CUDAGraph, changes: Iterable[Change], out: torch.Tensor) -> None:
    for held, new in changes:
        held.copy_(new)
    out.fill_(float("nan"))
    graph.replay()
