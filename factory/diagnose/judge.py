"""From what is in a log, and what this machine has, to the cause and the next command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.diagnose.facts import facts_of
from factory.diagnose.reading import Evidence, Found, Reading
from factory.diagnose.rules import Rules
from factory.matrix.model import FULL, Cell

UNKNOWN = "unknown"
"""The cause of a failure that no rule knows."""

_CELL = "CELL"
_TOKEN = re.compile(r"cu(\d\d)(\d)\b", re.ASCII)
_CUDA = "X.Y"
_ASKED = " (X.Y being the CUDA of your torch: torch.version.cuda)"
_HOME = "`export CUDA_HOME=/usr/local/cuda-{cuda} PATH=/usr/local/cuda-{cuda}/bin:$PATH`"
_WINDOWS_HOME = "`set CUDA_HOME=C:\\Program Files\\NVIDIA GPU Computing Toolkit\\CUDA\\v{cuda}`"
_TIME_LIMIT = "time_limit"
_RESERVE = 1_500_000_000  # bytes left to everything else on the machine


@dataclass(frozen=True, kw_only=True)
class Resources:
    """This machine: cores, bytes of memory in all and free, bytes free where ``cache`` is.

    ``peak`` are the bytes one compile may take, ``alone`` says that nothing ran beside the one that failed.
    ``cell`` is a selector, None where it is not known; ``words`` are said of it, ``why_not`` why there can be none.
    ``cuda`` is that of the cell where the torch of the log does not run there, ``torch_index`` from where one does.
    ``symbols`` maps what kernels ask of torch to the torch releases that have it.
    """

    cores: int
    memory: int
    free: int
    disk: int
    peak: int
    cache: str
    cell: str | None
    words: str = ""
    why_not: str = ""
    cuda: str | None = None
    torch_index: str = ""
    symbols: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False

    @property
    def budget(self) -> int:
        """Bytes that compiles may take together."""
        return max(0, self.free - _RESERVE)

    @property
    def fits(self) -> bool:
        """Whether fewer compiles at once may help: the memory that is free does for one."""
        return not self.alone and self.budget >= self.peak

    def jobs(self, used: int | None) -> int:
        """Return how many compiles to run at once, where ``used`` (None: nobody knows how many) were too many."""
        room = max(1, min(self.cores, self.budget // self.peak))
        return room if used is None else min(room, max(1, used // 2))


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Why a build failed: the name of the ``cause`` and its ``title``, ``what`` happened, the line of the log
    that says so (None for an empty log), and what to type ``next``.
    """

    cause: str
    title: str
    what: str
    evidence: Evidence | None
    next: str

    @property
    def known(self) -> bool:
        """Whether the cause is known."""
        return self.cause != UNKNOWN

    @property
    def why(self) -> tuple[str, ...]:
        """The lines an error shows as its reason."""
        told = f"{self.title}: {self.what}"
        return (f"line {self.evidence.number}: {self.evidence.text}", told) if self.evidence else (told,)


def judge(reading: Reading, rules: Rules, here: Resources) -> Diagnosis:
    """Return the cause that the signs of ``reading`` speak for, this machine's numbers filled into what it says."""
    gaps, outside = _gaps(reading, rules, here), _outside(reading, rules, here)
    order = [cause.name for cause in rules.causes]
    found = [one for one in reading.found if rules.cause(one.sign.cause).unless not in reading.context]
    if reading.finished or not found:
        return _unknown(reading, rules, gaps, outside)
    best = min(found, key=lambda one: (one.sign.rank, one.evidence.number, order.index(one.sign.cause)))
    cause = rules.cause(best.sign.cause)
    filled = _homes({**gaps, **cause.defaults, **_caught(best, here)}, reading, here)
    factory = cause.next if here.fits else cause.next_tight
    by_hand = cause.windows if _windows(reading) else cause.by_hand
    return Diagnosis(
        cause=cause.name,
        title=cause.title.format_map(filled),
        what=cause.what.format_map(filled),
        evidence=best.evidence,
        next=_next(factory, by_hand, filled, outside),
    )


def _caught(found: Found, here: Resources) -> dict[str, str]:
    """Return what the sign caught; the first compiler that is refused names the newest that is not."""
    caught = dict(found.caught)
    if "below" in caught:
        caught["newest"] = str(int(caught["below"]) - 1)
    if caught.get("symbol") in here.symbols:
        caught["symbol"] += f", which only torch {here.symbols[caught['symbol']]} has"
    return caught


def _windows(reading: Reading) -> bool:
    return reading.told.get("platform") == "windows"


def _outside(reading: Reading, rules: Rules, here: Resources) -> str:
    """Return why no build of the factory helps: the platform, or ``here``'s reason; empty where one may."""
    return rules.platforms.get(reading.told.get("platform", ""), here.why_not)


def selector_of(cell: Cell) -> str:
    """Return what a person types to name ``cell``."""
    return cell.id if cell.profile == FULL else f"{cell.id} --profile {cell.profile}"


def _unknown(reading: Reading, rules: Rules, gaps: Mapping[str, str], outside: str) -> Diagnosis:
    texts, last = rules.unknown, reading.last
    if reading.error is None and last is not None and texts.unfinished.search(last.text):
        cause = rules.cause(_TIME_LIMIT)
        return Diagnosis(
            cause=cause.name,
            title=cause.title,
            what=texts.cut,
            evidence=last,
            next=_next(cause.next, cause.by_hand, gaps, outside),
        )
    what = texts.whole if reading.finished else texts.what if reading.error else texts.without
    return Diagnosis(
        cause=UNKNOWN,
        title=texts.title,
        what=what,
        evidence=reading.error or last,
        next=_next(texts.next, texts.by_hand, gaps, outside),
    )


def _gaps(reading: Reading, rules: Rules, here: Resources) -> dict[str, str]:
    """Return what fills the gaps that every text may have."""
    used = int(reading.told["jobs"]) if reading.told.get("jobs", "").isdigit() else None
    cell = here.cell or _CELL
    gaps = {
        "cell": cell,
        "about": here.words,
        "build": f"nox -s build -- {cell}",
        "jobs": str(here.jobs(used)),
        "used": "several" if used is None else str(used),
        "budget": f"{here.budget / 1e9:.0f}",
        "peak": f"{here.peak / 1e9:.1f}",
        "cores": str(here.cores),
        "free": f"{here.free / 1e9:.1f}",
        "memory": f"{here.memory / 1e9:.1f}",
        "disk": f"{here.disk / 1e9:.1f}",
        "cache": here.cache,
        "cuda": here.cuda or _cuda(cell) or facts_of(reading.told).cuda or _CUDA,
        "torch_index": here.torch_index,
    }
    tool = next((name for name in rules.tools if name in reading.context), "")
    return {**_homes(gaps, reading, here), **rules.tools[tool]}


def _cuda(cell: str) -> str | None:
    """Return ``12.4`` of the selector ``cu124 torch2.6 cp310``; None of one that does not say it first."""
    found = _TOKEN.match(cell)
    return f"{found[1]}.{found[2]}" if found else None


def _homes(gaps: Mapping[str, str], reading: Reading, here: Resources) -> dict[str, str]:
    """Add how the CUDA of torch is named: ``cuda_home``, which a cause may know better, but of a torch that runs."""
    home = _WINDOWS_HOME if _windows(reading) else _HOME
    names = ("cuda",) if here.cuda else ("torch_cuda", "cuda")
    cuda = next((gaps[name] for name in names if gaps.get(name, "")[-1:].isdigit()), _CUDA)
    return {**gaps, "cuda_home": home.format(cuda=cuda) + (_ASKED if cuda == _CUDA else "")}


def _next(factory: str, by_hand: str, gaps: Mapping[str, str], outside: str) -> str:
    """Fill the gaps of what to do in this factory and ``by_hand``, or of the latter alone where no build helps."""
    hand = by_hand.format_map(gaps)
    if not factory:
        return hand
    if outside:
        return f"{hand} {outside.format_map(gaps)}"
    unnamed = f"{_CELL} stands for the cell, such as cu124 torch2.6 cp310; `nox -s plan` lists them."
    said = gaps["about"] or (unnamed if gaps["cell"] == _CELL else "")
    return " ".join(part for part in (factory.format_map(gaps), hand and f"By hand: {hand}", said) if part)
