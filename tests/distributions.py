"""What ``nox -s e2e_distributions`` saw, as it is kept, and what README may say of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "data" / "distributions.json"
TITLES = {"bookworm": "Debian 12", "trixie": "Debian 13", "sid": "Debian sid"}
CUDA = ("12.4", "13.0")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One unit with one g++ on one distribution.

    ``gxx`` is its version, ``by`` what chose it: ``CXX``, the ``factory`` among all that are there, or ``fetched``
    by it where only a newer one is. ``result`` is ``compiled`` or ``refused``, after ``seconds`` of wall time.
    """

    suite: str
    glibc: str
    python: str
    cuda: str
    gxx: str
    by: str
    result: str
    seconds: float

    @property
    def major(self) -> int:
        return int(self.gxx.partition(".")[0])


@dataclass(frozen=True, kw_only=True)
class Code:
    """The machine code of the unit ``source`` of flash-attn, the same in all compiles of one CUDA."""

    flash_attn: str
    source: str
    kernels: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """All of it; ``code`` is by CUDA."""

    date: str
    seen: tuple[Seen, ...]
    code: Mapping[str, Code]

    def to_json(self) -> str:
        return json.dumps({"schema": 1, **asdict(self)}, indent=1) + "\n"


def read() -> Record:
    kept = json.loads(RECORD.read_text())
    code = {cuda: Code(**row) for cuda, row in kept["code"].items()}
    return Record(date=kept["date"], seen=tuple(Seen(**row) for row in kept["seen"]), code=code)


def requirements(seen: Sequence[Seen]) -> str:
    """Give what README says: for each distribution which g++ each CUDA takes there, and what is done beside others."""
    rows = [("distribution", "glibc", "Python", *(f"CUDA {cuda}" for cuda in CUDA))]
    for suite, title in TITLES.items():
        mine = [row for row in seen if row.suite == suite]
        compilers = (_compilers([row for row in mine if row.cuda == cuda]) for cuda in CUDA)
        rows.append((title, mine[0].glibc, mine[0].python, *compilers))
    first, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([first, "|---" * len(rows[0]) + "|", *rest])


def _compilers(seen: Sequence[Seen]) -> str:
    named = [row for row in seen if row.by == "CXX"]
    taken, refused = (_listed(row.major for row in named if row.result == it) for it in ("compiled", "refused"))
    fetched = [f" (a {row.major} is fetched)" for row in seen if row.by == "fetched"]
    return f"g++ {taken}" + (f"; not {refused}" if refused else "") + "".join(fetched)


def _listed(majors: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(majors)))
