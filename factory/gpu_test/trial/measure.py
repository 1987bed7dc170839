"""One attention three times: through flash_attn, exactly, and plainly in the low precision."""

from __future__ import annotations

from typing import Callable

import torch

from factory.gpu_test.trial import rule
from factory.gpu_test.trial.poison import poisoned
from factory.gpu_test.trial.reference import QKV
from factory.gpu_test.trial.rule import Answer, Result, Rule

Attention = Callable[[QKV], torch.Tensor]


def measure(ours: Attention, reference: Attention, qkv: QKV, gradient: torch.Tensor | None) -> Result:
    """Return how ``ours`` does for ``qkv``; given the output's gradient, with those of the inputs too."""
    with poisoned():
        got = _tensors(ours, qkv, gradient)
    exact = _tensors(reference, widened(qkv), gradient)
    low = _tensors(reference, qkv, gradient)
    answers = [Answer(*one) for one in zip(("the output", "dq", "dk", "dv"), got, exact, low)]
    outcome = rule.judge(answers[:1], Rule())
    if gradient is None:
        return outcome
    gradients = rule.judge(answers[1:], Rule(rule.GRADIENT, rule.GRADIENT_ABSOLUTE))
    return max(outcome, gradients, key=lambda result: (result.outcome == rule.FAILED, result.share))


def widened(qkv: QKV) -> QKV:
    """Return the same numbers in float32."""
    query, key, value = qkv
    return query.float(), key.float(), value.float()


def _tensors(attention: Attention, qkv: QKV, gradient: torch.Tensor | None) -> list[torch.Tensor]:
    """Return the output and, with its gradient, those of queries, keys and values."""
    query, key, value = (tensor.detach().requires_grad_(gradient is not None) for tensor in qkv)
    out = attention((query, key, value))
    if gradient is None:
        return [out]
    return [out.detach(), *torch.autograd.grad(out, (query, key, value), gradient.to(out.dtype))]
