"""The index that was written: its groups, what is new in it, what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from factory.index.groups import Group, by_toolkit
from factory.index.published import Published
from factory.output.annotation import Annotation, Level
from factory.output.markdown import Markup, bullets, link, page, plain, section, table
from factory.output.progress import counted

_COLUMNS = ("index", "wheels", "Python", "passed on a GPU", "withdrawn")


@dataclass(frozen=True, kw_only=True)
class WrittenIndex:
    """An index: its ``wheels``, those of the ``former`` one, what was said of wheels left out, its address."""

    wheels: tuple[Published, ...]
    former: tuple[Published, ...]
    left_out: tuple[str, ...]
    address: str


def markdown(written: WrittenIndex) -> str:
    """Return the page of a job."""
    groups = by_toolkit(written.wheels)
    return page(
        f"✅ Index: {counted(len(written.wheels), 'wheel')} in {counted(len(groups), 'group')}",
        Markup(f"For {link(written.address, written.address)}: {plain(_changes(written))}"),
        table(_COLUMNS, [_row(group, written.address) for group in groups]) if groups else Markup(),
        section("Left out", bullets(written.left_out)),
    )


def remarks(written: WrittenIndex) -> tuple[Annotation, ...]:
    """Return a remark on each wheel that was left out, or is not in the index of its CUDA."""
    return tuple(
        Annotation(level=Level.WARNING, title="index: left out", message=complaint) for complaint in written.left_out
    )


def _changes(written: WrittenIndex) -> str:
    now, before = ({(one.filename, one.sha256) for one in wheels} for wheels in (written.wheels, written.former))
    gone = len(before - now)
    return f"wheels that are new: {len(now - before)}" + (f", that are gone: {gone}." if gone else ".")


def _row(group: Group, address: str) -> tuple[str, ...]:
    return (
        link(group.path, f"{address}/{group.path}/"),
        str(len(group.wheels)),
        " ".join(dict.fromkeys(one.name.python for one in reversed(group.wheels))),
        str(sum(one.gpu.verdict == "passed" for one in group.wheels)),
        str(sum(one.yanked is not None for one in group.wheels)),
    )
