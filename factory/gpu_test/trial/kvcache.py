"""flash_attn_with_kvcache: lengths, new keys and values, rotary embedding, pages, indexed and padded caches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from flash_attn import flash_attn_with_kvcache

from factory.gpu_test.trial import rule
from factory.gpu_test.trial.cachecase import CacheCase, cases
from factory.gpu_test.trial.case import DTYPES, Trial, chosen, generator
from factory.gpu_test.trial.dense import slopes
from factory.gpu_test.trial.kind import UNLIMITED
from factory.gpu_test.trial.measure import widened
from factory.gpu_test.trial.pages import GARBAGE, PAGE, Pair, gathered, paged
from factory.gpu_test.trial.poison import poisoned
from factory.gpu_test.trial.reference import QKV, Extra, attention
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rotary import rotate
from factory.gpu_test.trial.rule import Answer, Result, Rule


@dataclass(frozen=True)
class Inputs:
    """A case's tensors: ``cache`` in logical order, (batch, capacity, heads, size), and new keys and values."""

    query: torch.Tensor
    cache: Pair
    new: Pair | None
    lengths: list[int]
    leftpad: list[int]
    angles: Pair | None
    slopes: torch.Tensor | None


@dataclass(frozen=True)
class Stored:
    """The cache as it is handed over, and where the rows of the logical one are."""

    cache: Pair
    keywords: dict[str, torch.Tensor]


def trials(request: Request) -> Iterator[Trial]:
    """Return all the cases of the group."""
    return made(cases(), request)


def made(wanted: Iterable[CacheCase], request: Request) -> Iterator[Trial]:
    """Return trials of the cases that the profile has."""
    return chosen(
        wanted,
        request,
        lambda case: case.needs(request.kernels),
        lambda case: Trial(case.name, partial(compare, case, request)),
    )


def compare(case: CacheCase, request: Request) -> Result:
    """Return how the output, and what the cache holds afterwards, compare with the reference."""
    source = generator(request, case.name)
    inputs = _draw(case, source)
    stored = _stored(case, inputs, source)
    with poisoned():
        ours = _call(case, inputs, stored)
    parts = _parts(case, inputs)
    exact = torch.cat([attention(widened(qkv), case.kind, extra) for qkv, extra in parts])
    low = torch.cat([attention(qkv, case.kind, extra) for qkv, extra in parts])
    factor = rule.CACHE_ALIBI if case.kind.alibi else rule.CACHE
    outcome = rule.judge([Answer("the output", ours, exact, low)], Rule(factor))
    return outcome if outcome.outcome == rule.FAILED else _cache_result(case, inputs, stored) or outcome


def _draw(case: CacheCase, source: torch.Generator) -> Inputs:
    def normal(seqlen: int, heads: int) -> torch.Tensor:
        size = (case.batch, seqlen, heads, case.head_size)
        return torch.randn(size, generator=source, device=source.device, dtype=DTYPES[case.dtype])

    heads, heads_k = case.heads
    lengths = _lengths(case, source)
    cache = (normal(case.capacity, heads_k), normal(case.capacity, heads_k))
    for number, length in enumerate(lengths):
        for tensor in cache:
            tensor[number, length:] = GARBAGE
    return Inputs(
        query=normal(case.seqlen_q, heads) * (case.kind.softcap or 1.0),
        cache=cache,
        new=(normal(case.append, heads_k), normal(case.append, heads_k)) if case.append else None,
        lengths=lengths,
        leftpad=[length // 3 if case.layout == "leftpad" else 0 for length in lengths],
        angles=_angles(case, source) if case.rotary else None,
        slopes=slopes(case.batch, heads, source) if case.kind.alibi else None,
    )


def _lengths(case: CacheCase, source: torch.Generator) -> list[int]:
    """Fill the cache of the first sequence, and those of others somehow; leave room for what is new."""
    most = case.capacity - max(case.append, case.seqlen_q if case.rotary else 0)
    drawn = torch.randint(1, most + 1, (case.batch - 1,), generator=source, device=source.device)
    return [most, *drawn.tolist()]


def _angles(case: CacheCase, source: torch.Generator) -> Pair:
    positions = -(-case.capacity // PAGE) * PAGE
    angle = torch.rand(positions, case.rotary // 2, generator=source, device=source.device) * 2 * math.pi
    return torch.cos(angle).to(DTYPES[case.dtype]), torch.sin(angle).to(DTYPES[case.dtype])


def _stored(case: CacheCase, inputs: Inputs, source: torch.Generator) -> Stored:
    """Lay the cache out as the case wants it."""
    key, value = inputs.cache
    if case.layout == "paged":
        flat = (key.flatten(0, 1), value.flatten(0, 1))
        cache, table = paged(flat, [case.capacity] * case.batch, source)
        return Stored(cache, {"block_table": table})
    if case.layout == "indexed":
        rows = torch.randperm(2 * case.batch, generator=source, device=source.device)[: case.batch]
        return Stored((_scattered(key, rows), _scattered(value, rows)), {"cache_batch_idx": rows.to(torch.int32)})
    if case.layout == "leftpad":
        padding = torch.tensor(inputs.leftpad, dtype=torch.int32, device=key.device)
        return Stored((key.clone(), value.clone()), {"cache_leftpad": padding})
    return Stored((key.clone(), value.clone()), {})


def _scattered(tensor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    larger = tensor.new_full((2 * len(tensor), *tensor.shape[1:]), GARBAGE)
    larger[rows] = tensor
    return larger


def _call(case: CacheCase, inputs: Inputs, stored: Stored) -> torch.Tensor:
    new: dict[str, Any] = dict(zip(("k", "v"), inputs.new or ()))
    turned = dict(zip(("rotary_cos", "rotary_sin"), inputs.angles or ()))
    out: torch.Tensor = flash_attn_with_kvcache(
        inputs.query,
        *stored.cache,
        cache_seqlens=torch.tensor(inputs.lengths, dtype=torch.int32, device=inputs.query.device),
        rotary_interleaved=case.interleaved,
        alibi_slopes=inputs.slopes,
        num_splits=case.splits,
        **new,
        **turned,
        **stored.keywords,
        **case.kind.keywords,
    )
    return out


def _parts(case: CacheCase, inputs: Inputs) -> list[tuple[QKV, Extra]]:
    """Return each sequence's own attention: its queries, all its keys and values, its slopes."""
    parts = []
    for number in range(case.batch):
        key, value = _known(case, inputs, number)
        part = None if inputs.slopes is None else inputs.slopes[number : number + 1]
        qkv = (_query(case, inputs, number)[None], key[None], value[None])
        parts.append((qkv, Extra(slopes=part)))
    return parts


def _query(case: CacheCase, inputs: Inputs, number: int) -> torch.Tensor:
    """Without a mask, all new queries count as being at the first new position."""
    query = inputs.query[number]
    if inputs.angles is None:
        return query
    moving = case.kind.causal or case.kind.window != UNLIMITED
    there = _at(inputs.angles, inputs.lengths[number], case.seqlen_q if moving else 1)
    return rotate(query, there, interleaved=case.interleaved)


def _at(angles: Pair, start: int, count: int) -> Pair:
    cos, sin = angles
    return cos[start : start + count], sin[start : start + count]


def _known(case: CacheCase, inputs: Inputs, number: int) -> Pair:
    """Return the keys and values a sequence attends to, the new ones among them."""
    old = slice(inputs.leftpad[number], inputs.lengths[number])
    key, value = (tensor[number, old] for tensor in inputs.cache)
    if inputs.new is None:
        return key, value
    new_key, new_value = (tensor[number] for tensor in inputs.new)
    if inputs.angles is not None:
        there = _at(inputs.angles, inputs.lengths[number], case.append)
        new_key = rotate(new_key, there, interleaved=case.interleaved)
    return torch.cat((key, new_key)), torch.cat((value, new_value))


def _cache_result(case: CacheCase, inputs: Inputs, stored: Stored) -> Result | None:
    """Return what is wrong with the cache afterwards, if something is: new rows in place, old ones untouched."""
    key, value = (_logical(case, tensor, stored) for tensor in stored.cache)
    for number, length in enumerate(inputs.lengths):
        wanted_key, wanted_value = _row(case, inputs, number)
        if not torch.equal(value[number], wanted_value):
            return rule.failed("the cache of values is not what was appended to it")
        # A rotated key may be rounded the other way.
        near = 2 * torch.finfo(key.dtype).eps if case.rotary else 0.0
        if not torch.allclose(key[number].float(), wanted_key.float(), rtol=near, atol=near):
            return rule.failed(f"the cache of keys is not what was appended to it after {length}")
    return None


def _row(case: CacheCase, inputs: Inputs, number: int) -> Pair:
    rows = []
    for tensor, known in zip(inputs.cache, _known(case, inputs, number)):
        row = tensor[number].clone()
        start = inputs.leftpad[number]
        row[start : start + len(known)] = known
        rows.append(row)
    return rows[0], rows[1]


def _logical(case: CacheCase, tensor: torch.Tensor, stored: Stored) -> torch.Tensor:
    if case.layout == "paged":
        return gathered(tensor, stored.keywords["block_table"])[:, : case.capacity]
    if case.layout == "indexed":
        return tensor[stored.keywords["cache_batch_idx"].long()]
    return tensor
