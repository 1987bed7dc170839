"""Unusual lengths and head sizes: one token, odd ones, more queries than keys, long ones."""

from __future__ import annotations

from collections.abc import Iterator

from factory.gpu_test.trial import dense
from factory.gpu_test.trial.case import Case, Trial
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.request import Request

SHORT = (
    (1, 1), (1, 2), (2, 1), (3, 5), (1, 239), (239, 1), (3, 799), (63, 65), (65, 63), (127, 129), (129, 127),
    (113, 203), (203, 113), (127, 512), (513, 127), (1023, 1024), (1024, 1023), (1025, 1025),
)  # fmt: skip
LONG = ((4095, 4095), (4096, 4096), (4097, 4097), (8192, 8192), (100, 16384))
# Every multiple of 8, and some that flash_attn pads to one. Not 1: its gradients are products of so few numbers that
# the output's rounding, which flash_attn computes them from, breaks upstream's rule for one random input in thousands.
WIDTHS = (*range(8, 257, 8), 3, 5, 33, 59, 95, 111, 143, 201, 255)
# As many that the largest error of the low precision, the measure, does not depend on a few numbers of one token.
BATCH = 8


def trials(request: Request) -> Iterator[Trial]:
    """Yield their cases, with gradients where the profile has them and they are not too long."""
    backward = "BACKWARD" not in request.disabled
    yield from dense.trials((*_short(backward=backward), *_long(), *_widths(backward=backward)), request)


def _short(*, backward: bool) -> Iterator[Case]:
    for number, seqlens in enumerate(SHORT):
        for causal in (False, True):
            dtype, head_size = ("fp16", "bf16")[number % 2], (64, 128)[number // 2 % 2]
            yield Case(dtype, head_size, seqlens, Kind(causal=causal), heads=(6, 2), batch=BATCH, backward=backward)


def _long() -> Iterator[Case]:
    for seqlens in LONG:
        for head_size in (64, 128):
            yield Case("bf16", head_size, seqlens, Kind(causal=True), heads=(1, 1), batch=1)


def _widths(*, backward: bool) -> Iterator[Case]:
    for head_size in WIDTHS:
        yield Case("fp16", head_size, (65, 80), Kind(), heads=(4, 2), batch=2, backward=backward)
