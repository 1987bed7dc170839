"""Memory that holds nothing yet holds NaN, so that a kernel which leaves part of its output unwritten is seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def poisoned() -> Iterator[None]:
    """Have torch fill with NaN all it allocates without a value, for C++ extensions too.

    torch.utils.deterministic.fill_uninitialized_memory, which is on by default, does so in deterministic mode.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)  # noqa: FBT003 - torch's own signature
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)  # noqa: FBT003 - likewise
