"""A batch of sequences of one length through flash_attn_func and through the reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from flash_attn import flash_attn_func

from factory.gpu_test.trial.case import DTYPES, Case, Trial, chosen, generator
from factory.gpu_test.trial.measure import measure
from factory.gpu_test.trial.reference import QKV, Extra, attention
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result


@dataclass(frozen=True)
class Inputs:
    """Queries, keys and values, alibi's slopes, the gradient of the output, and a seed for dropout."""

    qkv: QKV
    slopes: torch.Tensor | None
    gradient: torch.Tensor
    seed: int


def trials(cases: Iterable[Case], request: Request) -> Iterator[Trial]:
    """Return trials of the cases that the profile has."""
    return chosen(
        cases,
        request,
        lambda case: case.needs(request.kernels),
        lambda case: Trial(case.name, partial(compare, case, request)),
    )


def compare(case: Case, request: Request) -> Result:
    """Return how the output and, where the case asks for it, the gradients compare with the reference."""
    inputs = draw(case, request)
    # The mask comes from a call of its own: the kernels that also write it out are not those people use.
    kept = kept_by_dropout(case, inputs) if case.kind.dropout else None
    return measure(
        partial(call, case, inputs),
        partial(attention, kind=case.kind, extra=Extra(slopes=inputs.slopes, kept=kept)),
        inputs.qkv,
        inputs.gradient if case.backward else None,
    )


def draw(case: Case, request: Request) -> Inputs:
    """Return the random numbers of a case: tensors are (batch, seqlen, heads, head_size)."""
    source = generator(request, case.name)

    def normal(seqlen: int, heads: int) -> torch.Tensor:
        size = (case.batch, seqlen, heads, case.head_size)
        return torch.randn(size, generator=source, device=request.device, dtype=DTYPES[case.dtype])

    (seqlen_q, seqlen_k), (heads, heads_k) = case.seqlens, case.heads
    # Without larger queries no score would come near the cap.
    query = normal(seqlen_q, heads) * (case.kind.softcap or 1.0)
    return Inputs(
        qkv=(query, normal(seqlen_k, heads_k), normal(seqlen_k, heads_k)),
        slopes=slopes(case.batch, heads, source) if case.kind.alibi else None,
        gradient=normal(seqlen_q, heads),
        seed=source.initial_seed(),
    )


def slopes(batch: int, heads: int, source: torch.Generator) -> torch.Tensor:
    """Return alibi's slopes, (batch, heads), drawn as upstream's tests do."""
    return torch.rand(batch, heads, generator=source, device=source.device) * 0.3


def call(case: Case, inputs: Inputs, qkv: QKV) -> torch.Tensor:
    """Return what flash_attn_func gives, from the random state that belongs to the case."""
    torch.manual_seed(inputs.seed)
    out: torch.Tensor = flash_attn_func(
        *qkv, dropout_p=case.kind.dropout, alibi_slopes=inputs.slopes, **case.kind.keywords
    )
    return out


def kept_by_dropout(case: Case, inputs: Inputs) -> torch.Tensor:
    """Return what dropout keeps, as booleans: (batch, heads, seqlen_q, seqlen_k).

    flash_attn says it with ``return_attn_probs``: the sign bit marks what is dropped.
    """
    torch.manual_seed(inputs.seed)
    _, _, weights = flash_attn_func(
        *inputs.qkv,
        dropout_p=case.kind.dropout,
        alibi_slopes=inputs.slopes,
        return_attn_probs=True,
        **case.kind.keywords,
    )
    return ~torch.signbit(weights[:, :, : case.seqlens[0], : case.seqlens[1]])
