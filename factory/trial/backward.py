"""Gradients of flash_attn_func: every head size, with and without a causal mask, in both types."""

from __future__ import annotations

from collections.abc import Iterator

from factory.trial import dense
from factory.trial.case import DTYPES, HEAD_SIZES, Case, Trial
from factory.trial.kind import Kind
from factory.trial.request import Request

SEQLENS = ((256, 256), (257, 300))
HEADS = ((6, 6), (6, 2), (6, 1))
SHARED = (300, 257)


def trials(request: Request) -> Iterator[Trial]:
    """Try every size, and all three ways to share heads on the two common ones."""
    yield from dense.trials((*_sizes(), *_shared()), request)


def _sizes() -> Iterator[Case]:
    for dtype in DTYPES:
        for number, head_size in enumerate(HEAD_SIZES):
            for causal in (False, True):
                for seqlens in SEQLENS:
                    yield Case(
                        dtype,
                        head_size,
                        seqlens,
                        Kind(causal=causal),
                        heads=HEADS[number % 3],
                        batch=2,
                        backward=True,
                    )


def _shared() -> Iterator[Case]:
    for dtype in DTYPES:
        for head_size in (64, 128):
            for heads in HEADS:
                yield Case(dtype, head_size, SHARED, Kind(causal=True), heads=heads, batch=2, backward=True)
