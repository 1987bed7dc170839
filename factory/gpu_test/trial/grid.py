"""Every head size, with and without a causal mask, in both types, and the ways to share heads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from factory.gpu_test.trial.case import DTYPES, HEAD_SIZES, Case
from factory.gpu_test.trial.kind import Kind

COMMON = (64, 128)


def cases(example: Case, seqlens: tuple[tuple[int, int], ...], heads: tuple[tuple[int, int], ...]) -> Iterator[Case]:
    """Yield ``example`` varied: every size for each of ``seqlens``, and for its own all ``heads`` on the two common
    sizes.
    """
    for dtype, (number, head_size), causal, lengths in product(DTYPES, enumerate(HEAD_SIZES), (False, True), seqlens):
        shared = heads[number % len(heads)]
        yield replace(
            example, dtype=dtype, head_size=head_size, seqlens=lengths, kind=Kind(causal=causal), heads=shared
        )
    for dtype, head_size, shared in product(DTYPES, COMMON, heads):
        yield replace(example, dtype=dtype, head_size=head_size, kind=Kind(causal=True), heads=shared)
