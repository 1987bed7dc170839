"""Sequences of different lengths in one call of flash_attn_varlen_func, empty ones among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import torch
from flash_attn import flash_attn_varlen_func

from factory.gpu_test.trial.case import DTYPES, Trial, chosen, generator, uneven
from factory.gpu_test.trial.dense import slopes
from factory.gpu_test.trial.kind import PLAIN, Kind
from factory.gpu_test.trial.measure import measure
from factory.gpu_test.trial.pages import paged
from factory.gpu_test.trial.reference import QKV, Extra, ragged
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result

Lengths = tuple[tuple[int, ...], tuple[int, ...]]

RAGGED: Lengths = ((128, 1, 257, 0, 64, 200), (300, 31, 17, 129, 0, 513))
SAME: Lengths = ((100, 0, 257, 64), (100, 0, 257, 64))
# Queries of one token and fewer heads of keys go to the kernels that split the keys.
DECODE: Lengths = ((1, 1, 1), (1000, 7, 2048))
HEAD_SIZES = (32, 40, 59, 64, 96, 111, 128, 160, 192, 256)
HEADS = ((6, 6), (6, 2), (6, 1))


@dataclass(frozen=True)
class Ragged:
    """A ragged batch; paged, its keys and values lie in pages."""

    dtype: str
    head_size: int
    lengths: Lengths
    heads: tuple[int, int]
    kind: Kind = PLAIN
    backward: bool = False
    paged: bool = False

    @property
    def name(self) -> str:
        """All of it in words."""
        words = (
            f"{self.dtype} d{self.head_size}",
            self.kind.words,
            "h{}/{}".format(*self.heads),
            f"q{_spelled(self.lengths[0])} k{_spelled(self.lengths[1])}",
            "paged" if self.paged else "",
            "backward" if self.backward else "",
        )
        return " ".join(word for word in words if word)

    def needs(self, kernels: tuple[int, ...]) -> frozenset[str]:
        """Return the switches of upstream that take this case away; ``kernels`` are the head sizes that have one."""
        backward = {"BACKWARD"} if self.backward else set()
        return self.kind.needs | uneven(self.head_size, kernels) | backward


def trials(request: Request) -> Iterator[Trial]:
    """Return cases of ragged batches of every size, and of each kind on one."""
    return chosen(
        (*_sizes(), *_kinds(), *_decode()),
        request,
        lambda case: case.needs(request.kernels),
        lambda case: Trial(case.name, partial(compare, case, request)),
    )


def _sizes() -> Iterator[Ragged]:
    for dtype in DTYPES:
        for number, head_size in enumerate(HEAD_SIZES):
            for causal in (False, True):
                for backward in (False, True):
                    heads = HEADS[number % 3]
                    yield Ragged(dtype, head_size, RAGGED, heads, Kind(causal=causal), backward=backward)


def _kinds() -> Iterator[Ragged]:
    kinds = (Kind(), Kind(causal=True), Kind(window=(50, 20)), Kind(softcap=15.0), Kind(alibi=True))
    for kind in (*kinds, Kind(causal=True, alibi=True)):
        for heads in HEADS:
            yield Ragged("fp16", 128, SAME, heads, kind)
            yield Ragged("bf16", 64, RAGGED, heads, kind, backward=True)


def _decode() -> Iterator[Ragged]:
    for dtype in DTYPES:
        for head_size in (64, 128, 256):
            yield Ragged(dtype, head_size, DECODE, (8, 2), Kind(causal=True))
            yield Ragged(dtype, head_size, DECODE, (8, 2), Kind(causal=True), paged=True)
            yield Ragged(dtype, head_size, ((17, 3, 64), (1000, 7, 512)), (4, 4), Kind(causal=True), paged=True)


def compare(case: Ragged, request: Request) -> Result:
    """Return how the output and, where the case asks for it, the gradients compare with the reference."""
    source = generator(request, case.name)
    qkv, gradient = _draw(case, source)
    extra = Extra(slopes=slopes(len(case.lengths[0]), case.heads[0], source) if case.kind.alibi else None)
    return measure(
        partial(_call, case, extra.slopes, source),
        partial(ragged, lengths=case.lengths, kind=case.kind, extra=extra),
        qkv,
        gradient if case.backward else None,
    )


def _draw(case: Ragged, source: torch.Generator) -> tuple[QKV, torch.Tensor]:
    def normal(total: int, heads: int) -> torch.Tensor:
        size = (total, heads, case.head_size)
        return torch.randn(size, generator=source, device=source.device, dtype=DTYPES[case.dtype])

    (queries, keys), (heads, heads_k) = map(sum, case.lengths), case.heads
    query = normal(queries, heads) * (case.kind.softcap or 1.0)
    return (query, normal(keys, heads_k), normal(keys, heads_k)), normal(queries, heads)


def _call(case: Ragged, alibi: torch.Tensor | None, source: torch.Generator, qkv: QKV) -> torch.Tensor:
    query, key, value = qkv
    table = None
    if case.paged:
        (key, value), table = paged((key, value), case.lengths[1], source)
    starts = [_starts(lengths, source.device) for lengths in case.lengths]
    out: torch.Tensor = flash_attn_varlen_func(
        query,
        key,
        value,
        *starts,
        *map(max, case.lengths),
        alibi_slopes=alibi,
        block_table=table,
        **case.kind.keywords,
    )
    return out


def _starts(lengths: Sequence[int], device: torch.device) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device)


def _spelled(lengths: Sequence[int]) -> str:
    return ",".join(map(str, lengths))
