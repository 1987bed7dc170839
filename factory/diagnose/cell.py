"""The cell that a log is of: what it proves, held to the cells that there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from factory.matrix.advice import Advice, Adviser, Facts, newest
from factory.matrix.checksymbol import spans
from factory.matrix.model import Matrix
from factory.versions import cuda_token, python_tag

_URL = "https://download.pytorch.org/whl/"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What to build: the selector of one ``cell``, or None where the log does not say enough, or where there can be
    none, which is ``why_not``. ``words`` are to be said of it.

    ``cuda`` is the CUDA of the cell where it is not that of the torch in the log, which does not run there.
    ``torch_index`` says from where a torch that runs there is to be had. ``symbols`` maps what kernels ask of torch to
    the torch releases that have it: ``2.4 to 2.9``.
    """

    cell: str | None = None
    words: str = ""
    why_not: str = ""
    cuda: str | None = None
    torch_index: str = "the address that PyTorch names for this GPU and driver"
    symbols: Mapping[str, str] = field(default_factory=dict)


def settled(facts: Facts, matrix: Matrix) -> Settled:
    """Return the one cell that ``facts`` prove, what they leave open, or why there is none."""
    adviser = Adviser.of(matrix)
    advice = adviser.advise(facts)
    return Settled(
        cell=advice.cell and f"{advice.cell}{advice.options}",
        words=_words(advice, facts),
        why_not=advice.why_not and f"This factory makes no wheel for it: {_reason(advice.why_not)}.",
        cuda=advice.cuda,
        torch_index=_index(adviser, facts),
        symbols=spans(matrix.torch),
    )


def _index(adviser: Adviser, facts: Facts) -> str:
    """Return the index of the newest torch that runs there, one for each kind of driver where that is not known."""
    if facts.driver or facts.driver_cuda:
        return f"`{_URL}{_token(adviser, facts)}`"
    oldest = min(toolkit.minimum_driver for toolkit in adviser.matrix.toolkits.values())
    new, old = _token(adviser, facts), _token(adviser, replace(facts, driver=str(oldest)))
    needed = max(toolkit.minimum_driver for toolkit in adviser.matrix.toolkits.values())
    blackwell = "" if facts.gpus else ", cu128 for one with a Blackwell GPU"
    return f"`{_URL}{new}` (for a driver older than {needed}: {old} in place of {new}{blackwell})"


def _token(adviser: Adviser, facts: Facts) -> str:
    cell = newest(adviser.planned, facts, adviser.matrix)
    return cuda_token(cell.cuda) if cell else "cu126"  # PyTorch's, which still has what is too old for flash-attn


def _reason(why_not: str) -> str:
    """Leave out what a person may have meant to type: a log does not mistype."""
    return re.sub(r" \(did you mean [^)]*\)", "", why_not).rstrip(".")


def _words(advice: Advice, facts: Facts) -> str:
    """Return what is to be said of the cell; of one that is not known, what the log says of it first."""
    known = [
        facts.cuda and "." in facts.cuda and cuda_token(facts.cuda),
        facts.torch and f"torch{facts.series}",
        facts.python and python_tag(facts.python),
    ]
    said = " ".join(token for token in known if token)
    text = advice.words.removesuffix(".") and f"{advice.words.removesuffix('.')}."
    if advice.cell or advice.why_not or not said or advice.cuda:
        return text
    return f"{text} This log says {said}: `nox -s plan -- {said}` lists what there is for it."
