"""Runs alone, in a fresh process whose Python has torch and finds a flash_attn: what importing it and each kernel take.

The driver loads, and where it has to decompresses, a translation unit's machine code when one of its kernels is first
called. So every kernel tried is of a unit of its own, and the context is there before the clock starts.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import torch

CALLS = 20


def main() -> None:
    """Print the milliseconds of it all as one line of JSON."""
    torch.ones(256, 256, device="cuda").matmul(torch.ones(256, 256, device="cuda"))
    torch.cuda.synchronize()
    imported = _clocked(_imported)
    kernels = {
        name: (_clocked(call), statistics.median(_clocked(call) for _ in range(CALLS))) for name, call in _calls()
    }
    first = {name: figures[0] for name, figures in kernels.items()}
    steady = {name: figures[1] for name, figures in kernels.items()}
    sys.stdout.write(f"{json.dumps({'import': imported, 'first': first, 'steady': steady})}\n")


def _imported() -> None:
    import flash_attn  # noqa: F401, PLC0415 - what is measured


def _calls() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield a call for each unit of the plain forward pass, which every profile has."""
    from flash_attn import flash_attn_func  # noqa: PLC0415 - its import is measured before

    for dtype, size, causal in product((torch.float16, torch.bfloat16), (32, 64, 96, 128, 192, 256), (False, True)):
        qkv = [torch.randn(2, 1024, 8, size, device="cuda", dtype=dtype) for _ in range(3)]
        yield f"{dtype} {size} causal={causal}", partial(flash_attn_func, *qkv, causal=causal)


def _clocked(call: Callable[[], object]) -> float:
    """Return the milliseconds of a call, until the GPU is done with it."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
