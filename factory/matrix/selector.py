"""Cells by the tokens of their id: ``cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64``.

Tokens come in any order and letter case; an axis left out stands for all of it, several tokens of one axis
for any of them.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from factory.errors import CellError, SelectorError
from factory.matrix.cellindex import CellIndex
from factory.matrix.cells import expand
from factory.matrix.kernelset import need_of
from factory.matrix.model import Matrix, Planned, State
from factory.matrix.suggest import hint
from factory.matrix.unserved import unserved
from factory.platforms import platforms
from factory.versions import python_tag

AXES = ("CUDA", "torch", "Python", "ABI", "flash-attn", "platform")
"""The axes in the order of their tokens in a cell's id."""

_PREFIXES = ("cu", "torch", "cp", "abi", "fa", *platforms())
# Of tokens that do not go together, the one on the first of these axes takes the blame.
_BLAME = [AXES.index(axis) for axis in ("ABI", "Python", "CUDA", "platform", "torch", "flash-attn")]
_STATES = list(State)
# How torch's own version, wheels' names and requirements write what a token says.
_SPELLINGS = (
    (re.compile(r"(?<!\S)cxx11abi(?=true|false)"), "abi"),
    (re.compile(r"(?<!\S)torch(?:==)?(\d[\d.]*)\+(cu\d+)(?:\.\S*)?"), r"torch\1 \2"),
    (re.compile(r"(?<!\S)torch==(?=\d)"), "torch"),
    (re.compile(r"(?<!\S)cu(\d+)\.(\d+)(?!\S)"), r"cu\1\2"),
)
_TORCH, _PLATFORM = AXES.index("torch"), AXES.index("platform")
_VERBS: dict[tuple[int, ...], str] = {
    (): "there are cells for",
    (_TORCH,): "was published for",
    (AXES.index("flash-attn"),): "can be built for",
}


@dataclass(frozen=True)
class Selector:
    """The tokens asked for, a set per axis of ``AXES``; an empty one stands for all."""

    wanted: tuple[frozenset[str], ...]

    def accepts(self, row: Planned) -> bool:
        """Whether the cell of ``row`` is among those asked for."""
        return all(not some or token in some for some, token in zip(self.wanted, _tokens(row), strict=True))


def parse(tokens: Sequence[str], matrix: Matrix) -> Selector:
    """Return what tokens ask for, as a person types them; ``torch2.6.0`` is ``torch2.6`` if built against that release.

    Raises SelectorError that says, of every token the matrix does not know, what there is and the nearest.
    """
    known = _vocabulary(matrix)
    words = _words(tokens)
    unknown = [word for word in words if word not in known]
    if unknown:
        raise SelectorError(
            f"unknown: {' '.join(unknown)}",
            why=_unknown(unknown, known),
            remedy="Name any of these, in any order, such as: cu124 torch2.6 cp310",
        )
    found = [known[word] for word in words]
    return Selector(tuple(frozenset(token for at, token in found if at == axis) for axis in range(len(AXES))))


def select(planned: Sequence[Planned], selector: Selector) -> tuple[Planned, ...]:
    """Return the cells asked for.

    For each combination of the axes that are named, the cells built by default are taken; where there are none, those
    built on request, for a machine that wheels are built for by default and of the default flash-attn of their torch if
    there are such. Raises
    SelectorError for a token that fits no cell beside the others, and CellError for one that fits skipped
    cells only.
    """
    rows = [row for row in planned if selector.accepts(row)]
    absent = [_narrowed(selector, axis, token) for axis, token in _unmet(selector, rows)]
    if absent or not rows:
        raise _no_such_cell(planned, absent or [selector])
    taken = _preferred(rows, selector, [row for row in planned if row.state is State.BUILD])
    skipped = [_narrowed(selector, axis, token) for axis, token in _unmet(selector, taken)]
    if skipped or not taken:
        raise _left_out([row for row in rows if any(one.accepts(row) for one in skipped or [selector])])
    return taken


def why(tokens: Sequence[str], matrix: Matrix) -> str:
    """Return a text that says of each cell asked for whether it is built and why, or why there is no such cell.

    Raises SelectorError for tokens the matrix does not know.
    """
    selector = parse(tokens, matrix)
    planned = expand(matrix)
    rows = [row for row in planned if selector.accepts(row)]
    if not rows:
        notes = [matrix.machine_notes.get(machine, "") for machine in sorted(selector.wanted[_PLATFORM])]
        return "\n".join([f"no such cell: {conflict(_index(planned), selector)}", *filter(None, notes)])
    return "\n".join([*_by_reason(rows), *_foreign_kernels(rows, matrix)])


def conflict(index: CellIndex, selector: Selector) -> str:
    """Return, of a selector that fits no cell, which of its tokens do not go together, and what would.

    Raises ValueError if it fits one.
    """
    if not index.every:
        return "the matrix has no cells"
    fitting = {axis: index.on(axis, some) for axis, some in enumerate(selector.wanted) if some}
    for axes in _subsets(tuple(fitting)):
        if not functools.reduce(operator.and_, (fitting[axis] for axis in axes)):
            part = tuple(some if at in axes else frozenset() for at, some in enumerate(selector.wanted))
            return _clash(index, Selector(part), axes)
    msg = f"{selector} fits a cell"
    raise ValueError(msg)


def _no_such_cell(planned: Sequence[Planned], absent: Iterable[Selector]) -> SelectorError:
    return SelectorError(
        "there is no such cell",
        why=list(dict.fromkeys(conflict(_index(planned), one) for one in absent)),
        remedy="See all cells with: nox -s plan",
    )


def _left_out(rows: Iterable[Planned]) -> CellError:
    return CellError(
        "asked for are cells that the matrix leaves out",
        why=_by_reason(rows),
        remedy="See what is built, and why what is not is not, with: nox -s plan",
    )


@functools.cache
def _subsets(axes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Return the smallest first, those with torch before others of their size."""
    found = [some for count in range(1, len(axes) + 1) for some in itertools.combinations(axes, count)]
    return tuple(sorted(found, key=lambda some: (len(some), _TORCH not in some)))


def _pair(row: Planned) -> tuple[str, str]:
    return row.cell.torch, row.cell.flash_attn


def _clash(index: CellIndex, part: Selector, axes: Sequence[int]) -> str:
    """Word a smallest set of axes that fits no cell: what the others of it would go with."""
    blamed = next(axis for axis in _BLAME if axis in axes)
    others = _narrowed(part, blamed, None)
    beside = index.having(others.wanted)
    fitting = _listed(token for token, cells in index.axes[blamed].items() if cells & beside)
    unfit = _listed(part.wanted[blamed])
    subject = _listed(token for some in others.wanted for token in some)
    verb = _VERBS.get(tuple(axis for axis in axes if axis != blamed), "goes with")
    if blamed == _PLATFORM and len(axes) > 1:  # other builds there may be: only those that were checked are named
        verb = "is known here for"
    return f"{subject} {verb} {fitting}; not {unfit}".strip()


def _preferred(rows: Sequence[Planned], selector: Selector, chosen: Sequence[Planned]) -> tuple[Planned, ...]:
    """Keep the best of each combination of the named axes; ``chosen`` are all cells built without being named."""
    machines, pairs = {row.cell.machine for row in chosen}, {_pair(row) for row in chosen}
    ranks = {
        row.cell: (row.state is not State.BUILD, row.cell.machine not in machines, _pair(row) not in pairs)
        for row in rows
        if row.state is not State.SKIPPED
    }
    able = [row for row in rows if row.cell in ranks]
    best: dict[tuple[str, ...], tuple[bool, bool, bool]] = {}
    for row in able:
        group = _named(row, selector)
        best[group] = min(ranks[row.cell], best.get(group, ranks[row.cell]))
    return tuple(row for row in able if ranks[row.cell] == best[_named(row, selector)])


def _named(row: Planned, selector: Selector) -> tuple[str, ...]:
    return tuple(token for some, token in zip(selector.wanted, _tokens(row), strict=True) if some)


def _by_reason(rows: Iterable[Planned]) -> list[str]:
    """Return a line for each state and reason, the cells it holds for below it."""
    answers: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: _STATES.index(row.state)):
        answers.setdefault(f"{row.state}: {row.reason}", []).append(f"  {row.cell.id}")
    return [line for answer, ids in answers.items() for line in (answer, *ids)]


def _foreign_kernels(rows: Iterable[Planned], matrix: Matrix) -> list[str]:
    """Return a line for each CUDA of cells whose kernels another one compiles."""
    makers = {row.cell.cuda: need_of(row.cell, matrix).cuda for row in rows if row.state is not State.SKIPPED}
    return [
        f"CUDA {maker} compiles the kernels of CUDA {cuda} (cuda.{cuda}.kernels)"
        for cuda, maker in makers.items()
        if maker != cuda
    ]


def _unmet(selector: Selector, rows: Sequence[Planned]) -> Iterator[tuple[int, str]]:
    """Return the axis and the token of all that was asked for and is in none of ``rows``."""
    for axis, some in enumerate(selector.wanted):
        for token in sorted(some - {_tokens(row)[axis] for row in rows}, key=_natural):
            yield axis, token


def _narrowed(selector: Selector, axis: int, token: str | None) -> Selector:
    """Ask for ``token`` alone on ``axis``, or for all of that axis."""
    only = frozenset() if token is None else frozenset([token])
    return Selector(tuple(only if at == axis else some for at, some in enumerate(selector.wanted)))


def _words(tokens: Sequence[str]) -> list[str]:
    """Return tokens in the usual spelling: ``torch2.6 cu124`` of ``torch==2.6+cu124``, ``cu124`` of ``cu12.4``."""
    text = " ".join(tokens).lower()
    for pattern, usual in _SPELLINGS:
        text = pattern.sub(usual, text)
    return text.split()


def _vocabulary(matrix: Matrix) -> dict[str, tuple[int, str]]:
    """Map each token, in lower case, to its axis and its usual spelling."""
    pythons = dict.fromkeys(
        python for torch in matrix.torch.values() for build in torch.builds for python in build.pythons
    )
    axes: tuple[Iterable[str], ...] = (
        (toolkit.token for toolkit in matrix.toolkits.values()),
        (f"torch{series}" for series in matrix.torch),
        (python_tag(python) for python in sorted(pythons, key=_natural)),
        ("abiFALSE", "abiTRUE"),
        (f"fa{version}" for version in matrix.flash_attn),
        matrix.machine_archs,
    )
    usual = {token.lower(): (axis, token) for axis, tokens in enumerate(axes) for token in tokens}
    releases = {f"torch{torch.release}": usual[f"torch{torch.series}"] for torch in matrix.torch.values()}
    return releases | usual


def _unknown(words: Sequence[str], known: dict[str, tuple[int, str]]) -> list[str]:
    lines: list[str] = []
    axes: set[int] = set()
    usual = dict.fromkeys(token for _, token in known.values())
    for word in words:
        if word in unserved():
            lines.append(f"{word}: not served: {unserved()[word]}")
            continue
        like = [axis for axis, prefix in enumerate(_PREFIXES) if word.startswith(prefix)]
        axes.update(like or range(len(AXES)))
        lines.append(f"{word}: no such {AXES[like[0]] if like else 'token'}{hint(word, usual)}")
    for axis in sorted(axes):
        there = dict.fromkeys(token for at, token in known.values() if at == axis)
        lines.append(f"{AXES[axis]}: {' '.join(sorted(there, key=_natural))}")
    return lines


def _index(planned: Sequence[Planned]) -> CellIndex:
    return CellIndex.of([row.cell for row in planned])


def _tokens(row: Planned) -> list[str]:
    return row.cell.id.split()


def _listed(tokens: Iterable[str]) -> str:
    return ", ".join(sorted(set(tokens), key=_natural))


def _natural(token: str) -> tuple[str, list[int]]:
    """Sort ``torch2.10`` behind ``torch2.9``."""
    return re.sub(r"\d+", "0", token), [int(number) for number in re.findall(r"\d+", token)]
