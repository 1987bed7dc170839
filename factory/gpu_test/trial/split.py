"""Few heads and small batches against many keys: the kernels that split the keys, and those that combine the parts.

A wheel whose kernels were compiled for another class of torch imports and passes plain forward, and goes wrong here.
"""

from __future__ import annotations

from collections.abc import Iterator

from factory.gpu_test.trial import dense, kvcache
from factory.gpu_test.trial.cachecase import CacheCase
from factory.gpu_test.trial.case import DTYPES, HEAD_SIZES, Case, Trial
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.request import Request

SEQLENS = ((1, 1024), (3, 4099), (4, 16384), (64, 2048), (256, 1000))
# Each power of two up to 128 has a combining kernel of its own.
SPLITS = (1, 2, 3, 4, 7, 16, 32, 64, 128)
KINDS = (Kind(window=(1000, 0)), Kind(softcap=15.0), Kind(alibi=True), Kind(causal=True, alibi=True))


def trials(request: Request) -> Iterator[Trial]:
    """Yield cases of flash_attn_func, which splits by itself, and of the cache with an explicit number of splits."""
    yield from dense.trials((*_sizes(), *_kinds()), request)
    yield from kvcache.made(_explicit(), request)


def _sizes() -> Iterator[Case]:
    for dtype in DTYPES:
        for number, head_size in enumerate(HEAD_SIZES):
            for seqlens in SEQLENS:
                heads = ((2, 2), (4, 1), (4, 2))[number % 3]
                yield Case(dtype, head_size, seqlens, Kind(causal=number % 2 == 0), heads=heads, batch=1)


def _kinds() -> Iterator[Case]:
    for kind in KINDS:
        for head_size in (64, 128):
            yield Case("fp16", head_size, (3, 4099), kind, heads=(2, 2), batch=1)


def _explicit() -> Iterator[CacheCase]:
    for splits in SPLITS:
        for dtype, head_size in (("fp16", 64), ("bf16", 128), ("fp16", 256)):
            yield CacheCase(dtype, head_size, 1, 16384, heads=(4, 2), splits=splits)
            yield CacheCase(dtype, head_size, 2, 2048, kind=Kind(causal=True), append=2, splits=splits)
