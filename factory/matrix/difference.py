"""What another matrix.yaml changes: which cells come, go or are built in another way, and which facts changed.

A fact is anything that decides not which wheels there are but what they are made of or tested on. It leaves a cell's
plan as it is, so it is told apart, with the number of wheels to build that rest on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from factory.matrix.arch import Arch
from factory.matrix.document import Value, read
from factory.matrix.model import Cell, Planned, State
from factory.output.progress import are, counted

_CHOICES = ("archs", "wheels")  # felt by cells alone
_LONGEST = 120  # characters of a value
_ABSENT = "nothing"
_ROW = "a row of its own"

Path = tuple[str, ...]
Facts = Mapping[Path, str]
"""Values of a matrix.yaml as they are written there, by the keys that lead to them."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One matrix.yaml: its cells and its facts."""

    planned: tuple[Planned, ...]
    facts: Facts


@dataclass(frozen=True, kw_only=True)
class CellChange:
    """One cell in the former plan and in this one; None where it is not in that."""

    before: Planned | None
    after: Planned | None

    @property
    def cell(self) -> Cell:
        """The cell as it is now, or else as it was. Raises ValueError for a change that has neither."""
        row = self.after or self.before
        if row is None:
            raise ValueError("a change of no cell")
        return row.cell

    @property
    def matters(self) -> bool:
        """Whether a wheel that is built without being asked for by name is concerned."""
        return any(row is not None and row.state is State.BUILD for row in (self.before, self.after))

    def __str__(self) -> str:
        """Say it, but for which cell."""
        if self.before is None or self.after is None:
            row, word = (self.after, "new") if self.after else (self.before, "gone")
            return f"{word}, {_said(row)}" if row else word
        return "; ".join(_changed(self.before, self.after))


@dataclass(frozen=True, kw_only=True)
class FactChange:
    """One value of the file in words, and how many wheels to build rest on it, None where that does not apply."""

    path: Path
    before: str
    after: str
    wheels: int | None

    def __str__(self) -> str:
        """Say it in a line."""
        resting = "" if self.wheels is None else f" (wheels to build that rest on it: {self.wheels})"
        return f"{'.'.join(self.path)}: {_cut(self.before)} → {_cut(self.after)}{resting}"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cells of one torch and CUDA that change alike."""

    change: str
    matters: bool
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """The tokens that the cells have in common and those in which they differ, as on their ids."""
        tokens = zip(*(cell.id.split() for cell in self.cells), strict=True)
        return " ".join(token for axis in tokens for token in dict.fromkeys(axis))

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.name}: {counted(len(self.cells), 'cell')}: {self.change}"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All that differs, and how many wheels are built by default before and now."""

    cells: tuple[CellChange, ...]
    facts: tuple[FactChange, ...]
    built_before: int
    built_after: int

    @property
    def groups(self) -> tuple[Group, ...]:
        """The changes of cells, those that matter first, one for each torch, CUDA and kind of change."""
        found: dict[tuple[str, str, str, bool], list[Cell]] = {}
        for change in self.cells:
            key = (change.cell.torch, change.cell.cuda, str(change), change.matters)
            found.setdefault(key, []).append(change.cell)
        made = [Group(change=said, matters=matters, cells=tuple(cells)) for (*_, said, matters), cells in found.items()]
        return tuple(sorted(made, key=lambda group: not group.matters))


def difference(before: Side, after: Side) -> Difference:
    """Return what ``after`` has that ``before`` has not, and the other way round."""
    built = [row.cell for row in after.planned if row.state is State.BUILD]
    return Difference(
        cells=tuple(_cells(before.planned, after.planned)),
        facts=tuple(_facts(before.facts, after.facts, built)),
        built_before=sum(row.state is State.BUILD for row in before.planned),
        built_after=len(built),
    )


def facts(text: str | bytes) -> Facts:
    """Return the facts of the text of a matrix.yaml, valid or not; choices among wheels are none."""
    return {path: said for path, said in _leaves(read(text).value, ()) if path and path[0] not in _CHOICES}


def headline(found: Difference) -> str:
    """Return one line that says how much changes."""
    if not found.cells and not found.facts:
        return "nothing changes: the same cells, the same facts"
    wheels = f"{counted(found.built_before, 'wheel')} to build before, {found.built_after} now"
    if not found.cells:
        return f"only facts change: no cell comes, goes or is planned in another way ({wheels})"
    come = sum(change.before is None for change in found.cells)
    gone = sum(change.after is None for change in found.cells)
    other = len(found.cells) - come - gone
    cells = f"{counted(come, 'cell')} {are(come)} new, {gone} {are(gone)} gone"
    return f"{cells}, {other} {are(other)} planned in another way; {wheels}"


def lines(found: Difference) -> list[str]:
    """Return all of it: the headline, a line for each group of cells, a line for each fact."""
    told = [f"fact: {fact}" for fact in found.facts]
    return [headline(found), *map(str, found.groups), *told]


def _cells(before: Sequence[Planned], after: Sequence[Planned]) -> Iterator[CellChange]:
    old, new = ({row.cell.id: row for row in rows} for rows in (before, after))
    for name in dict.fromkeys([*new, *old]):
        change = CellChange(before=old.get(name), after=new.get(name))
        if str(change):
            yield change


def _changed(before: Planned, after: Planned) -> Iterator[str]:
    """Say what is another in two rows of one cell, beginning with the state it has."""
    state = after.state.value
    changes = []
    if before.cell.archs != after.cell.archs:
        changes.append(f"architectures {_archs(before.cell.archs)} → {_archs(after.cell.archs)}")
    if before.cell.profile != after.cell.profile:
        changes.append(f"profile {before.cell.profile} → {after.cell.profile}")
    if before.state is not after.state:
        yield f"{before.state.value} → {_said(after)}"
        yield from changes
    elif changes:
        yield f"{state}, {changes[0]}"
        yield from changes[1:]


def _said(row: Planned) -> str:
    """Say the state of a row, and the reason unless it is built, for then it is chosen and that is all."""
    return row.state.value if row.state is State.BUILD else f"{row.state.value}: {row.reason}"


def _archs(archs: Iterable[Arch]) -> str:
    return " ".join(map(str, archs))


def _facts(before: Facts, after: Facts, built: Sequence[Cell]) -> Iterator[FactChange]:
    old, new = _rows_apart(before, after), _rows_apart(after, before)
    for path in dict.fromkeys([*new, *old]):
        if old.get(path) != new.get(path):
            yield FactChange(
                path=path, before=old.get(path, _ABSENT), after=new.get(path, _ABSENT), wheels=_resting(path, built)
            )


def _rows_apart(mine: Facts, other: Facts) -> Facts:
    """Put one entry in the place of all of a row, such as a torch, that ``other`` has nothing of."""
    known = {path[:2] for path in other}
    lone = {path[:2]: _ROW for path in mine if len(path) > 2 and path[:2] not in known}
    return lone | {path: said for path, said in mine.items() if path[:2] not in lone}


def _resting(path: Path, built: Sequence[Cell]) -> int | None:
    """Count the cells to build that have the version whose row ``path`` is in; None where it is in no such row."""
    versions = {
        "flash_attn": [cell.flash_attn for cell in built],
        "torch": [cell.torch for cell in built],
        "cuda": [cell.cuda for cell in built],
        "python": [cell.python for cell in built],
    }
    return versions[path[0]].count(path[1]) if path[0] in versions and len(path) > 1 else None


def _leaves(value: Value, path: Path) -> Iterator[tuple[Path, str]]:
    """Return every value that holds no other, a list of such in one piece, with the path it is under."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, (*path, str(number)))
    else:
        yield path, _written(value)


def _written(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return value if isinstance(value, str) else "null"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
