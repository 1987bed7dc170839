"""Make a wheel again from nothing but its own report: in another directory and cache, in another order."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from factory.audit import audit
from factory.build.build import Backend
from factory.build.container.kernels import Portion
from factory.errors import ReportError, ReproduceError
from factory.kernels.shard import Shard
from factory.matrix import cells, selector
from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Matrix
from factory.output.progress import counted
from factory.reproduce.compare import wheel_differences
from factory.session import Session
from factory.system.files import sha256_of
from factory.versions import abi_word, cuda_token, python_tag
from factory.wheel.facts import Expected
from factory.wheel.madewith import MadeWith, differences

# What is fetched and held to its hash each time: the same files as in the cache proper.
_FETCHED = ("toolkits", "environments", "downloads", "pip", "sdists", "tools", "pythons")


@dataclass(frozen=True, kw_only=True)
class ToldWheel:
    """A finished wheel, and what the report beside it says of it: its cell, what it was made with."""

    path: Path
    sha256: str
    cell: Cell
    made_with: MadeWith


def told(wheel: Path, matrix: Matrix) -> ToldWheel:
    """Return what the report beside ``wheel`` says of it.

    Raises ReportError where that does not say what it was made with, and SelectorError or CellError where ``matrix``
    does not have its cell.
    """
    known = audit.known(wheel)
    if known is None or known.made_with is None or known.archs is None or known.cuda is None:
        raise ReportError(
            f"nothing says what {wheel.name} was made with",
            why=[f"{audit.report_path(wheel)} is not there, speaks of another file, or does not say it"],
            remedy="Put the report that was published with the wheel beside it, or build it anew: nox -s build",
        )
    return ToldWheel(
        path=wheel, sha256=sha256_of(wheel), cell=_cell(known, known.archs, matrix), made_with=known.made_with
    )


def _cell(known: Expected, archs: tuple[Arch, ...], matrix: Matrix) -> Cell:
    words = [cuda_token(known.cuda or ""), f"torch{known.torch}", python_tag(known.python)]
    words += [f"abi{abi_word(known.cxx11abi)}", f"fa{known.flash_attn}", known.machine]
    planned = cells.expand(matrix, profile=known.profile, archs=archs)
    (row,) = selector.select(planned, selector.parse(words, matrix))
    return row.cell


def elsewhere(session: Session, name: str) -> Session:
    """Return the session with a cache of its own for ``name``, in which only what was fetched is that of ``session``.

    What an interrupted run compiled there is kept, so that the same command goes on.
    """
    cache = session.cache / "reproduce" / name
    cache.mkdir(parents=True, exist_ok=True)
    for directory in _FETCHED:
        (session.cache / directory).mkdir(exist_ok=True)
        if not (cache / directory).exists():
            (cache / directory).symlink_to(session.cache / directory)
    return replace(session, cache=cache)


def reproduce(wanted: ToldWheel, backend: Backend, session: Session) -> None:
    """Make ``wanted`` again with ``backend`` in the cache of ``session``, from ``elsewhere``, and compare the two.

    What differs between the builds is said first. Raises ReproduceError with every difference of the wheels, and what
    ``backend`` raises.
    """
    backend.kernels([wanted.cell], Portion(until=time.monotonic()))  # nothing yet: only what it would be made with
    here = backend.expected(wanted.cell).made_with
    apart = list(differences(wanted.made_with, here)) if here else []
    for line in apart:
        session.log.say(f"differs: {line}")
    backend.kernels([wanted.cell], Portion(shard=Shard(number=2, of=2)))  # another order than a build's
    backend.kernels([wanted.cell], Portion())
    again = backend.wheel(wanted.cell, session.cache / "dist")
    found = list(wheel_differences(wanted.path, again))
    if found:
        raise ReproduceError(
            f"{wanted.path.name} came out with other bytes, in {counted(len(found), 'place')}",
            why=[
                *found,
                *(f"the builds differ, {line}" for line in apart or ["though not in anything that the report names"]),
                f"sha256 {wanted.sha256} there, {sha256_of(again)} here: {_kept(again, session)}",
            ],
            remedy="Build with what the report names. Where that was so, open an issue with these lines.",
        )
    shutil.rmtree(session.cache)
    session.log.say(f"reproduced: {wanted.path.name}, sha256 {wanted.sha256}")


def _kept(again: Path, session: Session) -> Path:
    """Move the wheel ``again`` out of the cache of ``session``, which goes: the next run is to begin from nothing."""
    kept = session.cache.with_name(again.name)
    again.replace(kept)
    shutil.rmtree(session.cache)
    return kept
