"""The cases of the kv-cache: values, names, and the list of those tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from factory.gpu_test.trial.case import DTYPES, uneven
from factory.gpu_test.trial.kind import CAUSAL, PLAIN, Kind

KINDS = (
    Kind(window=(100, 30)),
    Kind(causal=True, window=(64, -1)),
    Kind(softcap=15.0),
    Kind(alibi=True),
    Kind(causal=True, alibi=True),
)


@dataclass(frozen=True)
class CacheCase:
    """Queries against a cache of so many tokens for each of the sequences.

    ``append`` is the number of new keys, ``rotary`` the number of rotated dimensions (0: none; interleaved or by
    halves), ``splits`` what is passed as num_splits. The cache is plain, "paged", "indexed" (cache_batch_idx) or
    "leftpad" (cache_leftpad).
    """

    dtype: str
    head_size: int
    seqlen_q: int
    capacity: int
    heads: tuple[int, int] = (6, 2)
    kind: Kind = PLAIN
    append: int = 0
    rotary: int = 0
    interleaved: bool = False
    layout: str = "plain"
    splits: int = 0
    batch: int = 2

    @property
    def name(self) -> str:
        """All of it in words."""
        turned = f"rotary {self.rotary} {'interleaved' if self.interleaved else 'halves'}"
        words = (
            f"{self.dtype} d{self.head_size}",
            self.kind.words,
            "h{}/{}".format(*self.heads),
            f"q{self.seqlen_q} cache {self.capacity}",
            f"b{self.batch}",
            f"append {self.append}" if self.append else "",
            turned if self.rotary else "",
            self.layout if self.layout != "plain" else "",
            f"splits {self.splits}" if self.splits else "",
        )
        return " ".join(word for word in words if word)

    def needs(self, kernels: tuple[int, ...]) -> frozenset[str]:
        """Return the switches of upstream that take this case away; ``kernels`` are the head sizes that have one."""
        return self.kind.needs | uneven(self.head_size, kernels)


def cases() -> Iterator[CacheCase]:
    """Yield the cases of the group ``kvcache``."""
    yield from _plain()
    yield from _appended()
    for kind, (seqlen_q, append) in product(KINDS, ((1, 0), (3, 0), (3, 3))):
        yield CacheCase("fp16", 64, seqlen_q, 800, kind=kind, append=append)
        yield CacheCase("bf16", 128, seqlen_q, 800, kind=kind, append=append, layout="paged")


def _plain() -> Iterator[CacheCase]:
    for dtype, head_size in product(DTYPES, (32, 59, 64, 80, 96, 128, 192, 256)):
        yield CacheCase(dtype, head_size, 1, 339)
        yield CacheCase(dtype, head_size, 3, 799, kind=CAUSAL, heads=(6, 6))
    for layout, seqlen_q in product(("paged", "indexed", "leftpad"), (1, 5, 64)):
        yield CacheCase("fp16", 128, seqlen_q, 1024, kind=CAUSAL, layout=layout)
        yield CacheCase("bf16", 64, seqlen_q, 600, heads=(6, 1), layout=layout)


def _appended() -> Iterator[CacheCase]:
    """New keys and values, plain and rotated, in caches that are whole, indexed or paged."""
    rotations = ((0, False), (32, True), (64, True), (32, False), (64, False))
    for (rotary, interleaved), kind, layout in product(rotations, (Kind(), CAUSAL), ("plain", "indexed", "paged")):
        for dtype, seqlen_q in (("fp16", 1), ("bf16", 7)):
            yield CacheCase(
                dtype, 64, seqlen_q, 512, (6, 2), kind, seqlen_q, rotary, interleaved=interleaved, layout=layout
            )
    for dtype, head_size in product(DTYPES, (32, 96, 128, 192, 256)):
        yield CacheCase(dtype, head_size, 4, 512, kind=CAUSAL, append=3, rotary=32)
