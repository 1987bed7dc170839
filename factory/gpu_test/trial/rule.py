"""When a result is right: upstream's rule, which measures by the same attention in the low precision."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

# The factors and the absolute terms of upstream's tests/test_flash_attn.py (2.7.4.post1 and 2.8.3.post2):
# outputs of test_flash_attn_output and test_flash_attn_splitkv, gradients of test_flash_attn_output with the
# absolute term of test_flash_attn_splitkv, and test_flash_attn_kvcache without and with alibi.
OUTPUT = 2.0
GRADIENT = 3.0
CACHE = 3.0
CACHE_ALIBI = 5.0
ABSOLUTE = 1e-5
GRADIENT_ABSOLUTE = 2e-4

# Two builds of the same machine code: it lies elsewhere in memory, and a GPU's clock drifts.
SPEED = 0.02

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """What came of a case: its largest error and what is allowed, where it has them, and why it did not pass."""

    outcome: str
    error: float | None = None
    allowed: float | None = None
    why: str = ""

    @property
    def share(self) -> float:
        """The part of the allowed error that was used up."""
        return self.error / self.allowed if self.error is not None and self.allowed else 0.0


@dataclass(frozen=True)
class Rule:
    """An error may be ``factor`` times that of the low precision, and ``absolute`` more."""

    factor: float = OUTPUT
    absolute: float = ABSOLUTE


@dataclass(frozen=True)
class Answer:
    """A tensor of flash_attn's, the exact one (float32 or wider) and the one computed in the low precision."""

    name: str
    ours: torch.Tensor
    exact: torch.Tensor
    low: torch.Tensor


def judge(answers: Sequence[Answer], rule: Rule) -> Result:
    """Return the first of the answers that fails, judged, else the one nearest to its limit."""
    results = [_judge(answer, rule) for answer in answers]
    failed = [result for result in results if result.outcome == FAILED]
    return failed[0] if failed else max(results, key=lambda result: result.share)


def _judge(answer: Answer, rule: Rule) -> Result:
    if answer.ours.shape != answer.exact.shape or answer.ours.dtype != answer.low.dtype:
        return failed(f"{answer.name} is {_form(answer.ours)}, not {_form(answer.low)}")
    bad = answer.ours.numel() - int(torch.isfinite(answer.ours).sum())
    if bad:
        return failed(f"{bad} of {answer.ours.numel()} values of {answer.name} are NaN or infinite")
    return _measure(answer, rule)


def _measure(answer: Answer, rule: Rule) -> Result:
    """Measure by the largest difference, as upstream does, and by the mean one, which sees a small bias too."""
    ours, low = answer.ours.to(answer.exact.dtype) - answer.exact, answer.low.to(answer.exact.dtype) - answer.exact
    # The right answer itself has to be rounded to the low precision.
    rounding = torch.finfo(answer.ours.dtype).eps / 2
    error = _largest(ours)
    allowed = rule.factor * _largest(low) + rule.absolute + rounding * _largest(answer.exact)
    mean = _mean(ours)
    mean_allowed = rule.factor * _mean(low) + rule.absolute + rounding * _mean(answer.exact)
    if not error <= allowed:  # so written, NaN does not pass
        return Result(FAILED, error, allowed, f"the error of {answer.name} is more than is allowed")
    if not mean <= mean_allowed:
        why = f"the mean error of {answer.name}, {mean:.2e}, is more than is allowed, {mean_allowed:.2e}"
        return Result(FAILED, error, allowed, why)
    return Result(PASSED, error, allowed)


def as_fast(ratios: Sequence[float]) -> Result:
    """Return how the times of one build do as parts of the other's, a number for each round.

    Their median may be as far from 1 as the middle half of them is wide, or SPEED. Raises statistics.StatisticsError
    for fewer than two rounds.
    """
    low, middle, high = statistics.quantiles(ratios, n=4)
    error, allowed = abs(middle - 1), max(SPEED, high - low)
    why = "" if error <= allowed else f"it takes {middle:.3f} times as long as the other build"
    return Result(FAILED if why else PASSED, error, allowed, why)


def failed(why: str) -> Result:
    """Return a case that failed without a measured error."""
    return Result(FAILED, why=why)


def skipped(why: str) -> Result:
    """Return a case that was not tried."""
    return Result(SKIPPED, why=why)


def passed_if(*, true: bool, why: str) -> Result:
    """Return a case that is a plain question; ``why`` says what a no means."""
    return Result(PASSED) if true else failed(why)


def _largest(tensor: torch.Tensor) -> float:
    return float(tensor.abs().max()) if tensor.numel() else 0.0


def _mean(tensor: torch.Tensor) -> float:
    """The root of the mean square."""
    return float(tensor.square().mean().sqrt()) if tensor.numel() else 0.0


def _form(tensor: torch.Tensor) -> str:
    return f"{'x'.join(map(str, tensor.shape))} {tensor.dtype}"
