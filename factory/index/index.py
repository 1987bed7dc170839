"""Write the index: a static site that pip and uv install from and people can read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from factory.errors import DiskFullError, Fault, IndexShrinkError
from factory.index import beside, homepage, locks, requirements, simple, statuspage
from factory.index import rules as rulestable
from factory.index.beside import Beside
from factory.index.groups import by_cuda
from factory.index.published import LIST, Published, ordered, to_json
from factory.index.released import Asset, of_release
from factory.index.served import SITE
from factory.index.served.flash_attn_wheel import Rules
from factory.index.status import Status
from factory.index.torchbuilds import TorchBuild
from factory.output.progress import counted
from factory.system import files
from factory.system.paths import child
from factory.wheel.sidecars import METADATA

_AS_THEY_ARE = ("site.css", "choose.js", "site.js", "flash_attn_wheel.py")
_TEMPLATE = "page.html"
_MIRRORED = "files"
HOME = "index.html"

Fetch = Callable[[str, str, Path], None]


def gather(
    releases: Iterable[tuple[str, Sequence[Asset]]],
    *,
    known: Sequence[Published],
    say: Callable[[str], None],
    keep: Callable[[str], None] = lambda _: None,
) -> tuple[Published, ...]:
    """Return the wheels of all releases (tag and assets of each), and say of each wheel that is left out why.

    ``known`` are the wheels of the former index: what has not changed since is not read again. ``keep`` takes why a
    wheel is left out, too.
    """
    found: list[Published] = []
    for tag, assets in releases:
        wheels, complaints = of_release(tag, assets, known)
        found += wheels
        for complaint in complaints:
            say(f"index: left out: {complaint}")
            keep(complaint)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the pages say beside which wheels there are: ``rules``, torch's ``builds``, and how far the factory is.

    The CUDA of each build has an index, which has ``others`` too: what flash-attn requires, with its content.
    """

    rules: Rules
    builds: Collection[TorchBuild]
    status: Status
    others: Mapping[Beside, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Former:
    """The ``wheels`` of the index that another takes the place of, and whether some may be missing there."""

    wheels: Sequence[Published]
    may_shrink: bool


def index(
    published: Sequence[Published],
    *,
    facts: Facts,
    former: Former,
    out: Path,
    say: Callable[[str], None],
) -> None:
    """Write every page into ``out``, and remove the installers' files there that no wheel is in any more.

    Raises IndexShrinkError, and writes nothing, where a wheel of ``former`` would go or be another file, unless it may;
    DiskFullError where ``out`` cannot be written.
    """
    lost = losses(former.wheels, published)
    if lost and not former.may_shrink:
        raise IndexShrinkError(
            f"the index would lose {len(lost)} of its {counted(len(former.wheels), 'wheel')}",
            faults=[Fault(said=line) for line in lost],
            remedy="If that is meant, as after a wheel was withdrawn for good: nox -s index -- --allow-shrink",
        )
    made = pages(published, facts, templates())
    others = {one.path: content for one, content in facts.others.items()}
    try:
        _write({**made, **others}, out)
    except OSError as error:
        raise DiskFullError(
            f"the index cannot be written into {out}",
            why=[error.strerror or str(error)],
            remedy="Make room there, or name another directory.",
        ) from error
    for line in (*(f"{line}, as allowed" for line in lost), *untied(published)):
        say(f"index: {line}")
    say(f"index: {counted(len(published), 'wheel')}, {counted(len(made) + len(others), 'file')} in {out}")


def templates() -> dict[str, str]:
    """Return by name what the pages for people are made of."""
    return {name: (SITE / name).read_text(encoding="utf-8") for name in (_TEMPLATE, statuspage.PAGE)}


def pages(published: Iterable[Published], facts: Facts, templates: Mapping[str, str]) -> dict[str, str]:
    """Return path below the root and content of every made file, the same for the same wheels in whatever order.

    ``templates`` are those of ``templates()``.
    """
    wheels = ordered(published)
    indexes, others = [one.path for one in by_cuda(wheels, facts.builds)], [one.project for one in facts.others]
    return {
        LIST: to_json(wheels),
        rulestable.FILE: rulestable.to_json(facts.rules),
        HOME: homepage.page(wheels, facts.rules, templates[_TEMPLATE], indexes=indexes, others=others),
        **statuspage.files(facts.status, templates[statuspage.PAGE]),
        **simple.pages(wheels, facts.builds, list(facts.others)),
        **locks.files(wheels),
        **requirements.files(wheels),
    }


def untied(published: Iterable[Published]) -> tuple[str, ...]:
    """Return a line for each wheel that no index by CUDA alone may hold: an installer would not see which torch."""
    return tuple(
        f"{one.filename} is only in the indexes by torch: its METADATA does not require torch=={one.name.torch}.*"
        for one in published
        if not one.tied
    )


def losses(previous: Iterable[Published], published: Iterable[Published]) -> tuple[str, ...]:
    """Return a line for each wheel of ``previous`` that is gone, or another file now."""
    now = {one.filename: one.sha256 for one in published}
    return tuple(
        f"{one.filename} would be another file, sha256 {now[one.filename]} instead of {one.sha256}"
        if one.filename in now
        else f"{one.filename} would go"
        for one in previous
        if now.get(one.filename) != one.sha256
    )


def mirror(published: Sequence[Published], *, out: Path, fetch: Fetch) -> tuple[Published, ...]:
    """Fetch every wheel and its metadata into ``out/files``; return the wheels with addresses there.

    ``fetch`` takes address, sha256 and target, and raises UnreachableError or DigestError. An index of what is returned
    needs no network: copy ``out`` anywhere, and install from its ``file://`` address.
    """
    directory = out / _MIRRORED
    for one in published:
        fetch(one.url, one.sha256, child(directory, one.filename))
        if one.metadata_sha256 is not None:
            fetch(one.url + METADATA, one.metadata_sha256, child(directory, one.filename + METADATA))
    return tuple(replace(one, url=f"{_MIRRORED}/{quote(one.filename)}") for one in published)


def _write(made: Mapping[str, str | bytes], out: Path) -> None:
    ours = ("cu*/**/index.html", f"{locks.HOME}/*.toml", f"{requirements.HOME}/*.txt", f"{beside.HOME}/*.whl")
    former = [file for pattern in ours for file in out.glob(pattern) if file.relative_to(out).as_posix() not in made]
    for directory in {path.rpartition("/")[0] for path in made}:
        (out / directory).mkdir(parents=True, exist_ok=True)
    for path, content in made.items():
        files.write(out / path, content)
    for name in _AS_THEY_ARE:
        shutil.copyfile(SITE / name, out / name)
    for file in former:
        file.unlink()
