"""Cases: their values, how their names are spelled, and the random numbers that belong to them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Callable, TypeVar

import torch

from factory.gpu_test.trial.kind import PLAIN, Kind
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result, skipped

DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
# Every size that a release has kernels for, and sizes that a larger kernel computes; of those, 59 and 111 are not
# multiples of 8 and padded by flash_attn itself.
HEAD_SIZES = (32, 40, 59, 64, 80, 96, 111, 128, 160, 192, 224, 256)
# As many heads of keys as of queries, fewer, and one.
HEADS = ((16, 16), (16, 4), (16, 1))


@dataclass(frozen=True)
class Timing:
    """Medians in milliseconds of one call."""

    ours_ms: float
    sdpa_ms: float
    beside_ms: float | None


@dataclass(frozen=True)
class Trial:
    """Something to try."""

    name: str
    run: Callable[[], Result | Timing]


@dataclass(frozen=True)
class Case:
    """An attention on random numbers; ``seqlens`` (tokens) and ``heads`` (their number) are of queries, then of keys.

    By default it has so many heads and batches that the GPU is busy without splitting the keys: the plain kernels run.
    """

    dtype: str
    head_size: int
    seqlens: tuple[int, int]
    kind: Kind = PLAIN
    heads: tuple[int, int] = (16, 16)
    batch: int = 4
    backward: bool = False

    @property
    def name(self) -> str:
        """All of it in words, such as ``fp16 d64 causal h16/4 s257x300 b4 backward``."""
        words = (
            f"{self.dtype} d{self.head_size}",
            self.kind.words,
            "h{}/{}".format(*self.heads),
            "s{}x{}".format(*self.seqlens),
            f"b{self.batch}",
            "backward" if self.backward else "",
        )
        return " ".join(word for word in words if word)

    def needs(self, kernels: tuple[int, ...]) -> frozenset[str]:
        """Return the switches of upstream that take this case away; ``kernels`` are the head sizes that have one."""
        backward = {"BACKWARD"} if self.backward else set()
        return self.kind.needs | uneven(self.head_size, kernels) | backward


def uneven(head_size: int, kernels: tuple[int, ...]) -> frozenset[str]:
    """Return the switch for head sizes that, padded to a multiple of 8, have no kernel of their own; else none."""
    return frozenset() if -(-head_size // 8) * 8 in kernels else frozenset({"UNEVEN_K"})


C = TypeVar("C")


def chosen(
    cases: Iterable[C], request: Request, needs: Callable[[C], frozenset[str]], trial: Callable[[C], Trial]
) -> Iterator[Trial]:
    """Yield the trials of the cases that the profile has, each once, then what it left out, by switches."""
    left_out: list[str] = []
    for case in dict.fromkeys(cases):
        lacking = needs(case) & request.disabled
        if lacking:
            left_out.append(", ".join(sorted(lacking)))
        else:
            yield trial(case)
    for switches, count in sorted(Counter(left_out).items()):
        yield not_tried(f"{count} cases with {switches}", f"the profile leaves out {switches}")


def not_tried(name: str, why: str) -> Trial:
    """Return a trial that only says why it is none."""
    return Trial(name, lambda: skipped(why))


def generator(request: Request, name: str) -> torch.Generator:
    """Return the random numbers of the case ``name`` in this run: of seed, group and name alone."""
    digest = hashlib.sha256(f"{request.seed} {request.group} {name}".encode()).digest()
    return torch.Generator(device=request.device).manual_seed(int.from_bytes(digest[:7], "big"))
