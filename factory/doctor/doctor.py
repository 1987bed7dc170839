"""Check whether this machine is fit to build a cell, with the factory and by hand, and say what to type where not."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from factory.data import DATA
from factory.doctor import managed, manual
from factory.doctor.choose import newest_fitting
from factory.doctor.facts import Facts, Missing, Supply
from factory.doctor.result import Section, State, standing
from factory.doctor.target import Guide, Needs, Target
from factory.errors import Fault, UnfitError
from factory.kernels.estimate import Costs
from factory.matrix.model import FULL, Cell, Matrix
from factory.output.annotation import Annotation, Level
from factory.plan.room import Want

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "bold red"}
_WORST_FIRST = (State.PROBLEM, State.WARNING, State.OK)
_SUBJECT = 14  # characters; of the longest, but for one or two
_REMEDY = " " * 9 + "-> "


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The cells that were named, or all that are chosen where none was; ``guide``: built by hand, as the guide does."""

    cells: tuple[Cell, ...]
    named: bool
    guide: bool


@dataclass(frozen=True, kw_only=True)
class Edges:
    """What the verb needs of the outside: a look at the machine, and at what there is for a cell.

    ``wants`` says what building a cell will put on disks, in a container or on the machine itself.
    """

    look: Callable[[], Facts]
    supply: Callable[[Cell], Supply]
    wants: Callable[[Cell, bool], tuple[Want, ...]]
    costs: Costs


def doctor(asked: Asked, matrix: Matrix, edges: Edges) -> tuple[Section, ...]:
    """Return what was found of this machine: how it is fit for the newest of the cells asked for that fits it.

    Where the guide is asked for, how it is fit for building by hand: a named cell, or the guide's environment.
    Raises ValueError where there is no cell and the guide is not asked for.
    """
    guide, facts = guides(), edges.look()
    if asked.guide and not asked.named:
        return (manual.section(Target.of_guide(guide), facts, matrix, needs(FULL, edges.costs)),)
    cell = newest_fitting(asked.cells, facts, matrix)
    needed = needs(cell.profile, edges.costs)
    if asked.guide:
        return (manual.section(Target.of_cell(cell, matrix, guide), facts, matrix, needed),)
    here = replace(needed, wants=edges.wants(cell, not isinstance(managed.engine(cell, facts), Missing)))
    return (managed.section(cell, facts, edges.supply(cell), matrix, here),)


def guides() -> Guide:
    """Return the guide's recommended environment."""
    return Guide.read(tomllib.loads((DATA / "guide.toml").read_text(encoding="utf-8")))


def needs(profile: str, costs: Costs) -> Needs:
    """Return what a build of ``profile`` takes; one that the table of costs lacks counts as the full one."""
    table = tomllib.loads((DATA / "doctor.toml").read_text(encoding="utf-8"))
    return Needs.read(table, unit=costs.largest(profile))


def lines(sections: Sequence[Section]) -> Iterator[Text]:
    """Yield the sections laid out for a person, problems first; a remedy is spelt out once in each."""
    for section in sections:
        yield Text(f"{section.purpose}: {section.against}", style="bold")
        told: set[str] = set()
        for line in sorted(section.lines, key=lambda line: _WORST_FIRST.index(line.state)):
            yield Text.assemble((f"  {line.state:<8} ", _STYLES[line.state]), f"{line.subject:<{_SUBJECT}} {line.said}")
            if line.remedy:
                yield Text(_REMEDY + ("the same" if line.remedy in told else line.remedy))
            told.add(line.remedy)
        yield Text(f"  {section.verdict}", style="bold")


def remarks(sections: Sequence[Section]) -> Iterator[Annotation]:
    """Yield what could do harm, for a job of GitHub's; what stands in the way is an error, which ``judge`` raises."""
    for line in (line for section in sections for line in section.lines if line.state is State.WARNING):
        message = "\n".join(filter(None, (line.said, line.remedy)))
        yield Annotation(level=Level.WARNING, title=f"doctor: {line.subject}", message=message)


def judge(sections: tuple[Section, ...]) -> None:
    """Raise UnfitError, with all that stands in the way of what was asked, if anything does."""
    found = list(standing(sections))
    if found:
        against = sections[0].against
        raise UnfitError(
            f"this machine is not ready for {against}",
            faults=[Fault(said=f"{line.subject}: {line.said}", remedy=line.remedy) for line in found],
            remedy=found[0].remedy,
        )
