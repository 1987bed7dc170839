"""A view of a toolkit with mended headers: links to what it is made of, and the files that a fix changes.

The toolkit itself is never touched, whoever it belongs to, and stays what its maker published.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path, PurePosixPath

from factory.system import strictjson
from factory.system.cache import made_once
from factory.toolkit import check, headerfix
from factory.toolkit.headerfix import HeaderFix
from factory.toolkit.toolkit import CudaToolkit

MANIFEST = "toolkit.json"
# nvcc finds everything from the directory it was called in, by way of a target's own directory where there is one:
# `..` behind a link would lead out of the view.
_OWN = ("bin", "targets", "targets/*")


def fixes() -> tuple[HeaderFix, ...]:
    """Return what is mended, for every CUDA, as ``factory/data/header_fixes.yaml`` has it."""
    return headerfix.parse(resources.files("factory.data").joinpath("header_fixes.yaml").read_text(encoding="utf-8"))


def fitting(home: Path, version: str, known: Iterable[HeaderFix]) -> tuple[HeaderFix, ...]:
    """Return those of the ``known`` fixes that the headers of CUDA ``version`` at ``home`` need, and take."""
    try:
        return _mended(home, version, known)[0]
    except OSError:  # no such header: nothing that could clash
        return ()


def _mended(home: Path, version: str, known: Iterable[HeaderFix]) -> tuple[tuple[HeaderFix, ...], Mapping[str, str]]:
    wanted = headerfix.meant_for(version, known)
    return headerfix.mended(wanted, lambda file: os.fsdecode((home / file).read_bytes()))


def mended(toolkit: CudaToolkit, known: Sequence[HeaderFix], cache: Path) -> CudaToolkit:
    """Return a view of ``toolkit`` below ``cache`` with those of the ``known`` fixes in it that fit; else itself.

    Raises ToolkitError where the view is not whole.
    """
    try:
        done, texts = _mended(toolkit.home, toolkit.version, known)
    except OSError:  # no such header: nothing that could clash
        return toolkit
    if not done:
        return toolkit
    stamp = hashlib.sha256(f"{toolkit.home} {toolkit.digest} {sorted(texts.items())}".encode(errors="surrogateescape"))
    home = cache / "mended" / f"cuda-{toolkit.version}-{stamp.hexdigest()[:12]}"
    if home.is_dir() and not _whole(home, cache):
        shutil.rmtree(home)
    names = tuple(fix.name for fix in done)
    made_once(home, lambda draft: _make(draft, toolkit, texts, names, cache))
    seen = check.inspect(home, toolkit.version, origin=toolkit.origin, memory=_memory(cache))
    return replace(seen, mended=names, original=toolkit)


def _memory(cache: Path) -> Path:
    """Say where the digests of views are kept between runs."""
    return cache / "mended" / ".digests"


def _whole(home: Path, cache: Path) -> bool:
    """Whether a view still is what it was when it was made."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        return bool(strictjson.table((home / MANIFEST).read_bytes())["digest"] == check.digest_of(home, _memory(cache)))
    return False


def _make(draft: Path, toolkit: CudaToolkit, texts: Mapping[str, str], names: Sequence[str], cache: Path) -> None:
    origin = Path(os.path.realpath(toolkit.home))
    changed = {place: text for file, text in texts.items() for place in _places(origin, file)}
    _mirror(origin, draft, PurePosixPath(), changed)
    manifest = {
        "schema": 1,
        "of": {"home": str(toolkit.home), "release": toolkit.release, "digest": toolkit.digest},
        "header_fixes": names,
        "digest": check.digest_of(draft, _memory(cache)),
    }
    (draft / MANIFEST).unlink(missing_ok=True)  # the toolkit's own, where it is one that was fetched
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _places(origin: Path, file: str) -> set[PurePosixPath]:
    """Return where ``file`` of ``include`` really lies below ``origin``: a target has it too, or has it alone."""
    there = [origin / file, *origin.glob(f"targets/*/{file}")]
    real = {Path(os.path.realpath(path)) for path in there}
    return {PurePosixPath(path.relative_to(origin)) for path in real if path.is_relative_to(origin)}


def _mirror(origin: Path, target: Path, place: PurePosixPath, changed: Mapping[PurePosixPath, str]) -> None:
    """Link every entry of ``origin / place``, but write what is ``changed`` and go into directories that hold it."""
    for entry in sorted((origin / place).iterdir()):
        here = place / entry.name
        if here in changed:
            (target / here).write_bytes(os.fsencode(changed[here]))
        elif entry.is_symlink() and _leads_inside(entry, origin):
            (target / here).symlink_to(entry.readlink())
        elif any(map(here.match, _OWN)) or any(file.is_relative_to(here) for file in changed):
            (target / here).mkdir()
            _mirror(origin, target, here, changed)
        else:
            (target / here).symlink_to(entry)


def _leads_inside(link: Path, origin: Path) -> bool:
    return not link.readlink().is_absolute() and Path(os.path.realpath(link)).is_relative_to(origin)
