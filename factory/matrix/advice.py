"""The cell for an environment: what its torch, CUDA, Python, machine, GPU and driver need, or why there is none.

What is advised was asked of ``factory.matrix.selector``, which refuses what is not built, for every verb alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from packaging.version import InvalidVersion, Version

from factory.errors import CellError, SelectorError
from factory.matrix import selector
from factory.matrix.arch import Arch
from factory.matrix.cells import cannot_make, expand, too_old
from factory.matrix.model import FULL, Cell, Matrix, Planned, State
from factory.matrix.unserved import unserved
from factory.versions import abi_word, cuda_token, numbers, python_tag, version_key

_EXAMPLE = "cu124 torch2.6 cp310"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """An environment; None, or nothing, where it is not known.

    ``torch`` ``2.11.0+cu130`` or only ``2.11``, ``cuda`` torch's, ``13.0`` or only ``13``, ``python`` ``3.12``,
    ``machine`` ``x86_64``, or a platform such as ``win_amd64``, ``gpus`` compute capabilities,
    ``driver`` ``580.95.05``, ``driver_cuda`` the newest CUDA that the driver says it runs, ``12.9`` or only ``12``.
    ``usual`` says that this torch is the build of the package index that everyone uses.
    """

    torch: str | None = None
    cuda: str | None = None
    python: str | None = None
    cxx11abi: bool | None = None
    flash_attn: str | None = None
    machine: str | None = None
    gpus: tuple[str, ...] = ()
    driver: str | None = None
    driver_cuda: str | None = None
    usual: bool = False

    @property
    def series(self) -> str | None:
        """``2.11`` of torch ``2.11.0+cu130``."""
        return ".".join(map(str, numbers(self.torch or "")[:2])) or None


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The selector of one ``cell`` with its ``options``; None where a fact is missing, or where there is none.

    ``words`` are to be said of it, or ask for the fact; ``why_not`` says why there is none. ``own`` says that it is for
    the torch that is there, ``early`` that this is a pre-release; ``cuda`` is that of another torch, which would run.
    """

    cell: str | None = None
    options: str = ""
    words: str = ""
    why_not: str = ""
    own: bool = False
    early: bool = False
    cuda: str | None = None

    @property
    def command(self) -> str:
        """What builds the cell; empty without one."""
        return f"nox -s build -- {self.cell}{self.options}" if self.cell else ""


@dataclass(frozen=True, kw_only=True)
class Adviser:
    """The cells of one ``matrix``, planned once, from which advice is given; what tokens mean is looked up once."""

    matrix: Matrix
    planned: Sequence[Planned]
    known: dict[tuple[str, ...], Sequence[Planned] | str] = field(default_factory=dict)

    @cached_property
    def places(self) -> Mapping[tuple[str, str], Sequence[Planned]]:
        """What can be built, by Python and machine."""
        found: dict[tuple[str, str], list[Planned]] = {}
        for row in self.planned:
            if row.state is not State.SKIPPED:
                found.setdefault((row.cell.python, row.cell.machine), []).append(row)
        return found

    @classmethod
    def of(cls, matrix: Matrix, profile: str = FULL) -> Adviser:
        """Return what knows the cells of ``matrix``. Raises SelectorError for a profile it lacks."""
        return cls(matrix=matrix, planned=expand(matrix, profile))

    def advise(self, facts: Facts) -> Advice:
        """Return what to build for ``facts``."""
        refused = _refused(facts, self.matrix)
        if refused:
            return Advice(why_not=refused)
        cuda = _cuda(facts, self.matrix)
        known = {"CUDA": cuda, "torch": facts.series, "Python": facts.python}
        meant = self.selected(tuple(_tokens(replace(facts, cuda=cuda))))
        if isinstance(meant, str):
            return Advice(why_not=meant)
        if not all(known.values()):
            return self._asked([axis for axis, value in known.items() if value is None], meant, facts)
        own, aside = _of_version(meant, self.planned, facts)
        fitting = [row for row in own if not unfit(row.cell, facts, self.matrix)]
        if fitting:
            return replace(self._advised(fitting[0].cell, facts, aside), own=True)
        return self._another(own[0].cell, facts)

    def selected(self, tokens: tuple[str, ...]) -> Sequence[Planned] | str:
        """Return the cells that ``tokens`` mean to every verb, or why they are refused."""
        if tokens not in self.known:
            try:
                self.known[tokens] = selector.select(self.planned, selector.parse(tokens, self.matrix))
            except (SelectorError, CellError) as error:
                self.known[tokens] = _first(error.why)
        return self.known[tokens]

    def _asked(self, axes: Sequence[str], meant: Sequence[Planned], facts: Facts) -> Advice:
        """Ask for ``axes``; where none of the cells ``meant`` by the others runs there, say which torch would."""
        fitting = [row.cell for row in meant if not unfit(row.cell, facts, self.matrix)]
        if fitting:
            example = self._spelled(fitting[-1]) if facts.gpus or facts.driver or facts.driver_cuda else _EXAMPLE
            return Advice(words=_ask(axes, example), own=True)
        unlike = "" if facts.cuda else f"no build of torch {facts.series} for CUDA runs with that GPU and driver"
        other = self._another(meant[0].cell, facts, unlike)
        if facts.python:
            return other
        words = f"{other.words}. {_ask(axes, f'{other.cell}{other.options}')}" if other.cell else ""
        return replace(other, cell=None, options="", words=words)

    def _another(self, cell: Cell, facts: Facts, unlike: str = "") -> Advice:
        """Return the cell of the nearest torch that does run there, where that of the torch there does not."""
        why = unlike or unfit(cell, facts, self.matrix)
        able = [row for row in self.places[cell.python, cell.machine] if not unfit(row.cell, facts, self.matrix)]
        series = list(self.matrix.torch)
        best = max(
            able,
            key=lambda row: (
                -abs(series.index(row.cell.torch) - series.index(cell.torch)),
                all(runs(row.cell, gpu) for gpu in facts.gpus),
                row.cell.flash_attn == facts.flash_attn,
                row.state is State.BUILD,
                version_key(row.cell.cuda),
                numbers(row.cell.flash_attn),
            ),
            default=None,
        )
        newer = _newer_driver(cell, facts, self.matrix)
        if best is None:
            return Advice(why_not="; ".join(filter(None, (why, newer and f"it takes {newer}"))))
        with_it = f"torch {best.cell.torch} for CUDA {best.cell.cuda} and a wheel for that"
        words = f"{why}; {f'{newer}, or ' if newer else ''}{with_it}, would run"
        return replace(self._advised(best.cell, facts, words), cuda=best.cell.cuda)

    def _advised(self, cell: Cell, facts: Facts, words: str) -> Advice:
        archs = _own_archs(cell, facts)
        options = f" --archs {','.join(map(str, archs))}" if archs else ""
        said = ". ".join(_cautions(words, facts, self.matrix))
        return Advice(cell=self._spelled(cell), options=options, words=said, early=_early(facts.torch or ""))

    def _spelled(self, cell: Cell) -> str:
        """Return the fewest tokens that mean ``cell`` alone."""
        tokens = [cuda_token(cell.cuda), f"torch{cell.torch}", python_tag(cell.python)]
        for more in (f"fa{cell.flash_attn}", cell.machine, f"abi{abi_word(cell.cxx11abi)}"):
            found = self.selected(tuple(tokens))
            if not isinstance(found, str) and [row.cell for row in found] == [cell]:
                break
            tokens.append(more)
        return " ".join(tokens)


def advise(facts: Facts, matrix: Matrix, *, profile: str = FULL) -> Advice:
    """Return what to build for ``facts``. Raises SelectorError for a profile that ``matrix`` lacks."""
    return Adviser.of(matrix, profile).advise(facts)


def unfit(cell: Cell, facts: Facts, matrix: Matrix) -> str:
    """Return why a wheel of ``cell``, built for the GPUs of ``facts`` where need be, does not run there; else empty."""
    if _old_driver(cell, facts, matrix):
        here = f"is {facts.driver}" if facts.driver else f"is one for CUDA {facts.driver_cuda}"
        return f"CUDA {cell.cuda} needs driver {matrix.toolkits[cell.cuda].minimum_driver} or newer, here {here}"
    return cannot_make(_own_archs(cell, facts), cell.cuda, matrix)


def _old_driver(cell: Cell, facts: Facts, matrix: Matrix) -> bool:
    """Whether the driver is too old for the CUDA of ``cell``: by its number, else by the CUDA that it knows."""
    if facts.driver:
        return numbers(facts.driver) < (matrix.toolkits[cell.cuda].minimum_driver,)
    return facts.driver_cuda is not None and numbers(facts.driver_cuda)[:1] < numbers(cell.cuda)[:1]


def newest(rows: Iterable[Planned], facts: Facts, matrix: Matrix) -> Cell | None:
    """Return the cell of ``rows`` with the newest torch and CUDA that runs there; None where none does."""
    able = (row.cell for row in rows if row.state is not State.SKIPPED and not unfit(row.cell, facts, matrix))
    return max(able, key=lambda cell: (version_key(cell.torch), version_key(cell.cuda)), default=None)


def runs(cell: Cell, gpu: str) -> bool:
    """Whether a wheel of ``cell`` runs on a GPU of the compute capability ``gpu``."""
    return any(arch.runs_on(Arch.parse(gpu)) for arch in cell.archs)


def _own_archs(cell: Cell, facts: Facts) -> list[Arch]:
    """Return what a wheel of ``cell`` is to be built for instead of its usual list; nothing where that will do."""
    if all(runs(cell, gpu) for gpu in facts.gpus):
        return []
    return sorted({Arch.parse(gpu) for gpu in facts.gpus})


def _refused(facts: Facts, matrix: Matrix) -> str:
    """Return what no cell at all can serve."""
    if facts.machine and facts.machine not in matrix.machine_archs:
        why = unserved().get(facts.machine) or f"wheels are made for {', '.join(matrix.machine_archs)}"
        return f"{facts.machine}: {why}"
    return too_old([Arch.parse(gpu) for gpu in facts.gpus], matrix.oldest_arch)


def _cuda(facts: Facts, matrix: Matrix) -> str | None:
    """Return torch's CUDA; where the matrix lacks it, the newest of its major, which runs beside it as well."""
    whole = facts.cuda if facts.cuda and "." in facts.cuda else None
    torch = matrix.torch.get(facts.series or "")
    if torch is None or whole in {build.cuda for build in torch.builds}:
        return whole
    alike = [
        build
        for build in torch.builds
        if facts.cxx11abi in (None, build.cxx11abi)
        and (facts.cuda is None or numbers(build.cuda)[:1] == numbers(facts.cuda)[:1])
    ]
    if whole:
        settled = len({build.cxx11abi for build in alike}) == 1
        return max((build.cuda for build in alike), key=version_key) if settled else whole
    usual = [build for build in alike if build.index_url is None and facts.usual] or alike
    return usual[0].cuda if len(usual) == 1 else None


def _tokens(facts: Facts) -> Iterator[str]:
    if facts.cuda:
        yield cuda_token(facts.cuda)
    if facts.series:
        yield f"torch{facts.series}"
    if facts.python:
        yield python_tag(facts.python)
    if facts.cxx11abi is not None:
        yield f"abi{abi_word(facts.cxx11abi)}"
    if facts.machine:
        yield facts.machine


def _ask(axes: Sequence[str], example: str) -> str:
    return f"CELL stands for the cell, such as {example}; not known is {' and '.join(axes)}."


def _of_version(meant: Sequence[Planned], rows: Sequence[Planned], facts: Facts) -> tuple[Sequence[Planned], str]:
    """Return the cells of the flash-attn that was named, else of the one built for that torch, and a word on it."""
    wanted = facts.flash_attn
    if wanted is None:
        return meant, ""
    axes = {_axes(row.cell) for row in meant}
    exact = [
        row
        for row in rows
        if row.cell.flash_attn == wanted and _axes(row.cell) in axes and row.state is not State.SKIPPED
    ]
    aside = f"flash-attn {wanted} is not built for it; {meant[0].cell.flash_attn} is"
    return (exact, "") if exact else (meant, aside)


def _axes(cell: Cell) -> tuple[object, ...]:
    return cell.cuda, cell.torch, cell.python, cell.cxx11abi, cell.machine


def _newer_driver(cell: Cell, facts: Facts, matrix: Matrix) -> str:
    """Return the driver with which a wheel of ``cell`` would run; empty where that alone is not what it wants."""
    needed = matrix.toolkits[cell.cuda].minimum_driver
    newer = replace(facts, driver=None, driver_cuda=None)
    alone = _old_driver(cell, facts, matrix) and not unfit(cell, newer, matrix)
    return f"driver {needed} or newer" if alone else ""


def _cautions(words: str, facts: Facts, matrix: Matrix) -> Iterator[str]:
    if words:
        yield words
    torch = matrix.torch.get(facts.series or "")
    if torch and _early(facts.torch or ""):
        yield f"torch {facts.torch} is a pre-release: the wheel is linked to {torch.release} and may not load beside it"


def _early(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _first(why: Iterable[str]) -> str:
    """Return the first reason of a refusal."""
    return next(iter(why), "there is no such cell").removeprefix(f"{State.SKIPPED}: ").rstrip(":")
