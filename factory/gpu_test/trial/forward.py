"""Outputs of flash_attn_func: every head size, with and without a causal mask, in both types."""

from __future__ import annotations

from collections.abc import Iterator

from factory.gpu_test.trial import dense, grid
from factory.gpu_test.trial.case import HEADS, Case, Trial
from factory.gpu_test.trial.request import Request

# Lengths that fill the kernels' blocks, which have instances of their own, and lengths that do not. Five blocks of
# 64 queries, 16 heads and 4 batches keep more than 200 multiprocessors busy, so that keys are not split.
SEQLENS = ((384, 512), (257, 300))
SHARED = Case("fp16", 64, (300, 257))


def trials(request: Request) -> Iterator[Trial]:
    """Yield cases of every size, and of all three ways to share heads on the two common ones."""
    yield from dense.trials(grid.cases(SHARED, SEQLENS, HEADS), request)
