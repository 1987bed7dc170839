"""Gradients of flash_attn_func: every head size, with and without a causal mask, in both types."""

from __future__ import annotations

from collections.abc import Iterator

from factory.gpu_test.trial import dense, grid
from factory.gpu_test.trial.case import Case, Trial
from factory.gpu_test.trial.request import Request

SEQLENS = ((256, 256), (257, 300))
HEADS = ((6, 6), (6, 2), (6, 1))
SHARED = Case("fp16", 64, (300, 257), batch=2, backward=True)


def trials(request: Request) -> Iterator[Trial]:
    """Yield cases of every size, and of all three ways to share heads on the two common ones."""
    yield from dense.trials(grid.cases(SHARED, SEQLENS, HEADS), request)
