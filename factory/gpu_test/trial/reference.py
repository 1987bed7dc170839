"""The attention that flash_attn's results are measured by, in plain torch and in the precision of its inputs.

Tensors are (batch, seqlen, heads, head_size) as in flash_attn. Rows of the mask are aligned at the bottom right,
and a row that sees no key gives zeros, as flash_attn_func's docstring says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from factory.gpu_test.trial.kind import Kind


@dataclass(frozen=True)
class Extra:
    """The tensors some kinds need: alibi's slopes (batch, heads); what dropout keeps (batch, heads, q, k)."""

    slopes: torch.Tensor | None = None
    kept: torch.Tensor | None = None


QKV = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
PLAIN = Extra()


def attention(qkv: QKV, kind: Kind, extra: Extra = PLAIN) -> torch.Tensor:
    """Return the queries attending to keys and values of as many heads or fewer, in the shape of the queries."""
    query, key, value = qkv
    key, value = (_spread(tensor, query.shape[2]) for tensor in (key, value))
    scores = _scores(query, key, kind.softcap)
    hidden = hidden_keys(query.shape[1], key.shape[1], kind, query.device)
    if extra.slopes is not None:
        scores = scores + _alibi(extra.slopes, query.shape[1], key.shape[1])
    weights = torch.softmax(scores.masked_fill(hidden, -math.inf), dim=-1)
    weights = weights.masked_fill(hidden.all(dim=-1, keepdim=True), 0.0).to(value.dtype)
    if extra.kept is not None:
        weights = weights.masked_fill(~extra.kept, 0.0)
    return torch.einsum("bhts,bshd->bthd", weights, value / (1 - kind.dropout))


def ragged(qkv: QKV, lengths: tuple[Sequence[int], Sequence[int]], kind: Kind, extra: Extra = PLAIN) -> torch.Tensor:
    """Return attention within sequences of these lengths that lie one after the other, (total, heads, head_size)."""
    queries, keys, values = (
        tensor.split(list(part)) for tensor, part in zip(qkv, (lengths[0], lengths[1], lengths[1]))
    )
    outs = []
    for number, one in enumerate(zip(queries, keys, values)):
        slopes = None if extra.slopes is None else extra.slopes[number : number + 1]
        query, key, value = (tensor.unsqueeze(0) for tensor in one)
        outs.append(attention((query, key, value), kind, Extra(slopes=slopes)).squeeze(0))
    return torch.cat(outs)


def hidden_keys(seqlen_q: int, seqlen_k: int, kind: Kind, device: torch.device) -> torch.Tensor:
    """Return which keys a query may not see, as booleans: (seqlen_q, seqlen_k)."""
    here = torch.arange(seqlen_q, device=device).unsqueeze(1) + seqlen_k - seqlen_q
    keys = torch.arange(seqlen_k, device=device)
    left, right = kind.window[0], 0 if kind.causal else kind.window[1]
    hidden = torch.zeros(seqlen_q, seqlen_k, dtype=torch.bool, device=device)
    if right >= 0:
        hidden = hidden | (keys > here + right)
    if left >= 0:
        hidden = hidden | (keys < here - left)
    return hidden


def _scores(query: torch.Tensor, key: torch.Tensor, softcap: float) -> torch.Tensor:
    scores = torch.einsum("bthd,bshd->bhts", query, key / math.sqrt(query.shape[-1]))
    return torch.tanh(scores / softcap) * softcap if softcap > 0 else scores


def _spread(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Return ``tensor`` with a key head for every query head: neighbours share one."""
    return tensor.repeat_interleave(heads // tensor.shape[2], dim=2)


def _alibi(slopes: torch.Tensor, seqlen_q: int, seqlen_k: int) -> torch.Tensor:
    here = torch.arange(seqlen_q, device=slopes.device).unsqueeze(1) + seqlen_k - seqlen_q
    distance = (here - torch.arange(seqlen_k, device=slopes.device)).abs()
    return -slopes[:, :, None, None] * distance
