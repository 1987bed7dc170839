"""Keys and values kept in pages that lie in any order."""

from __future__ import annotations

from collections.abc import Sequence

import torch

# The smallest page that upstream supports ("Paged KV cache block size must be divisible by 256").
PAGE = 256
# What nobody may read: large, and still finite in float16, as a product with a weight of 0 has to vanish.
GARBAGE = 30000.0

Pair = tuple[torch.Tensor, torch.Tensor]


def paged(pair: Pair, lengths: Sequence[int], source: torch.Generator) -> tuple[Pair, torch.Tensor]:
    """Put sequences that lie one after the other, (total, heads, size), into pages; return these and the table.

    Pages are (pages, PAGE, heads, size); the table is (sequences, most pages), in int32.
    """
    most = max(1, -(-max(lengths) // PAGE))
    table = _table(len(lengths), most, source)
    key, value = (_pool(tensor, lengths, table) for tensor in pair)
    return (key, value), table


def gathered(pool: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Return the pages of each sequence in order: (sequences, most pages x page, heads, size)."""
    return pool[table.long()].flatten(1, 2)


def _table(sequences: int, most: int, source: torch.Generator) -> torch.Tensor:
    """Deal out three times as many pages as are used, as upstream's test does."""
    order = torch.randperm(3 * sequences * most, generator=source, device=source.device)
    return order[: sequences * most].view(sequences, most).to(torch.int32)


def _pool(tensor: torch.Tensor, lengths: Sequence[int], table: torch.Tensor) -> torch.Tensor:
    pool = tensor.new_full((3 * table.numel(), PAGE, *tensor.shape[1:]), GARBAGE)
    for row, sequence in zip(table.long(), tensor.split(list(lengths))):
        whole = tensor.new_full((len(row) * PAGE, *tensor.shape[1:]), GARBAGE)
        whole[: len(sequence)] = sequence
        pool[row] = whole.unflatten(0, (len(row), PAGE))
    return pool
