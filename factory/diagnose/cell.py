"""The cell that a log is of: what it proves, held to the cells that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from factory.diagnose.facts import Facts
from factory.errors import CellError, SelectorError
from factory.matrix import selector
from factory.matrix.cells import expand
from factory.matrix.model import Matrix, Planned, State
from factory.versions import cuda_token, python_tag, version_key


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to build: the selector of one ``cell``, or None where the log does not say enough, or where there can be
    none, which is ``why_not``. ``words`` are to be said of it.

    ``symbols`` maps what kernels ask of torch to the torch releases that have it: ``2.4 to 2.9``.
    """

    cell: str | None = None
    words: str = ""
    why_not: str = ""
    symbols: Mapping[str, str] = field(default_factory=dict)


def advise(facts: Facts, matrix: Matrix) -> Advice:
    """Return the one cell that ``facts`` prove, what they leave open, or why there is none."""
    tokens, aside = _tokens(facts, matrix)
    if not tokens:
        return Advice()
    planned = expand(matrix)
    try:
        wanted = selector.parse(tokens, matrix)
        selector.select(planned, wanted)
    except (SelectorError, CellError) as error:
        return Advice(why_not=f"This factory makes no wheel for it: {_reason(error.why)}.")
    rows = [row for row in planned if wanted.accepts(row) and row.state is not State.SKIPPED]
    if len({_spelled(row) for row in rows}) > 1:
        return Advice(words=_open(tokens, rows))
    more = [token for token in tokens if token.startswith("fa") or token == facts.machine]
    return Advice(cell=" ".join((_spelled(rows[0]), *more)), words=aside)


def _tokens(facts: Facts, matrix: Matrix) -> tuple[list[str], str]:
    """Return the tokens of what is known, and what is to be said of those that stand for others."""
    cuda = _whole_cuda(facts, matrix)
    named = [
        cuda and cuda_token(cuda),
        facts.torch and f"torch{facts.torch}",
        facts.python and python_tag(facts.python),
        facts.torch and facts.flash_attn in matrix.flash_attn and f"fa{facts.flash_attn}",
        facts.machine,
    ]
    aside = ""
    choice = matrix.choices.get(facts.torch or "")
    if choice and facts.flash_attn and facts.flash_attn not in matrix.flash_attn:
        instead = choice.flash_attn[0]
        aside = f"flash-attn {facts.flash_attn} is not built here; {instead} stands for it."
    return [token for token in named if token], aside


def _whole_cuda(facts: Facts, matrix: Matrix) -> str | None:
    """Return the CUDA of torch, also where only its major is known, or that it is the build of the package index."""
    torch = matrix.torch.get(facts.torch or "")
    if facts.cuda and "." in facts.cuda:
        return facts.cuda
    if torch is None:
        return None
    fitting = [
        build.cuda
        for build in torch.builds
        if build.cuda.startswith(f"{facts.cuda or build.cuda.partition('.')[0]}.")
        and facts.cxx11abi in (None, build.cxx11abi)
        and (build.index_url is None or not facts.usual)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _open(tokens: Sequence[str], rows: Sequence[Planned]) -> str:
    """Say what the log does not tell, and one cell that may be meant."""
    axes = (("cu", "CUDA"), ("torch", "torch"), ("cp", "Python"))
    missing = [axis for prefix, axis in axes if not any(token.startswith(prefix) for token in tokens)]
    best = max(rows, key=_newest)
    return (
        f"CELL stands for the cell: {' '.join(tokens)} and your {' and '.join(missing)}, which this log does not say,"
        f" such as {_spelled(best)}; `nox -s plan -- {' '.join(tokens)}` lists them."
    )


def _newest(row: Planned) -> tuple[bool, tuple[int, ...], tuple[int, ...]]:
    return row.state is State.BUILD, version_key(row.cell.torch), version_key(row.cell.cuda)


def _spelled(row: Planned) -> str:
    cell = row.cell
    return f"{cuda_token(cell.cuda)} torch{cell.torch} {python_tag(cell.python)}"


def _reason(why: Sequence[str]) -> str:
    """Return the first reason, which is of the first token that does not fit."""
    return why[0].partition(" (did you mean")[0].strip().rstrip(".:") if why else "no such cell"
