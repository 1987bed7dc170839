"""Outputs of flash_attn_func: every head size, with and without a causal mask, in both types."""

from __future__ import annotations

from collections.abc import Iterator

from factory.trial import dense
from factory.trial.case import DTYPES, HEAD_SIZES, HEADS, Case, Trial
from factory.trial.kind import Kind
from factory.trial.request import Request

# Lengths that fill the kernels' blocks, which have instances of their own, and lengths that do not. Five blocks of
# 64 queries, 16 heads and 4 batches keep more than 200 multiprocessors busy, so that keys are not split.
SEQLENS = ((384, 512), (257, 300))
SHARED = (300, 257)


def trials(request: Request) -> Iterator[Trial]:
    """Try every size, and all three ways to share heads on the two common ones."""
    yield from dense.trials((*_sizes(), *_shared()), request)


def _sizes() -> Iterator[Case]:
    for dtype in DTYPES:
        for number, head_size in enumerate(HEAD_SIZES):
            for causal in (False, True):
                for seqlens in SEQLENS:
                    yield Case(dtype, head_size, seqlens, Kind(causal=causal), heads=HEADS[number % 3])


def _shared() -> Iterator[Case]:
    for dtype in DTYPES:
        for head_size in (64, 128):
            for heads in HEADS:
                yield Case(dtype, head_size, SHARED, Kind(causal=True), heads=heads)
