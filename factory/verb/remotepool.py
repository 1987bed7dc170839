"""Fetch published kernels into the pool, where the releases can be reached and have the very set that is needed.

Whatever comes is tried in a pool of its own first, and enters the pool only if all of it is whole, it lists the
very set that was asked for, and no needed part is missing. Nothing here fails a build: what is not to be had is
compiled, and a line says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from factory.core.errors import DigestError, FactoryError, UnreachableError
from factory.core.progress import amount
from factory.core.release import pools
from factory.core.release.parts import Asset
from factory.edge import poolarchive, poolstock
from factory.edge.download import fetch
from factory.edge.github import Repository, TroubleError
from factory.edge.pool import Pool, SetRecord
from factory.edge.workshop import Workshop

_CLAIM = "fetch"


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The releases of ``repository``, ``OWNER/NAME``; ``api`` and ``server`` are addresses of its GitHub.

    ``silence`` is how many seconds the API may be silent: a build without network must not wait for long.
    """

    repository: str
    api: str
    server: str
    silence: float = 5.0

    def address(self, tag: str, name: str) -> str:
        """Give where everybody may fetch an asset, without the API and its limits."""
        return f"{self.server}/{self.repository}/releases/download/{tag}/{quote(name)}"


def take(kernels: SetRecord, needed: Collection[str], *, remote: Remote, shop: Workshop) -> None:
    """Fetch ``kernels`` if the pool lacks any of the parts ``needed``; say in a line what came, or why nothing did."""
    with shop.pool.claim(_CLAIM, wait=True):  # who waited finds what the other fetched
        if not _lacks(shop.pool, needed):
            return
        try:
            said = _taken(kernels, needed, remote, shop)
        except FactoryError as error:
            said = f"{'; '.join([error.what, *error.why])}; compiling here"
        except OSError as error:  # a full disk above all: an archive needs room that compiling does not
            for part in _downloads(shop).glob(f"{kernels.name}*.part"):
                part.unlink(missing_ok=True)
            said = f"{kernels.name} cannot be kept: {error}; compiling here"
        shop.log.say(f"kernels: {said}")


def _downloads(shop: Workshop) -> Path:
    return shop.cache / "downloads"


def _lacks(pool: Pool, needed: Collection[str]) -> bool:
    there = poolstock.by_presence(pool)
    return any(there(key) is None for key in needed)


def _taken(kernels: SetRecord, needed: Collection[str], remote: Remote, shop: Workshop) -> str:
    tag = pools.pool_tag(kernels.flash_attn)
    assets = _listed(tag, remote)
    archives = pools.archives(assets, kernels.name)
    if not archives:
        return f"{_absence(assets, kernels, tag, remote)}; compiling here"
    with _fetched(archives, tag, remote, shop) as paths, shop.pool.temporary(_CLAIM) as directory:
        tried = Pool(directory)
        for path in paths:
            poolarchive.take(tried, path)
        _refuse(kernels, needed, tried)
        poolstock.move(tried, shop.pool)
    return f"{kernels.name} fetched from {tag} of {remote.repository}, {amount(sum(one.size for one in archives))}"


def _listed(tag: str, remote: Remote) -> Sequence[Asset]:
    """Give what the release ``tag`` holds; nothing where there is none. Raises UnreachableError."""
    what = f"the releases of {remote.repository} cannot be reached"
    try:
        with contextlib.closing(
            Repository(remote.repository, token=None, api=remote.api, silence=remote.silence)
        ) as github:
            return [asset for found in github.find(tag) for asset in github.look(found.id)[0].assets]
    except TroubleError as error:
        raise UnreachableError(what, why=[str(error)]) from error
    except FactoryError as error:
        raise UnreachableError(what, why=[error.what, *error.why]) from error


def _absence(assets: Sequence[Asset], kernels: SetRecord, tag: str, remote: Remote) -> str:
    place, here = f"{tag} of {remote.repository}", f"gcc {kernels.host_compiler}"
    compilers = {pools.compiler_of(name) for name in pools.rivals(assets, kernels.name)}
    if not compilers:
        return f"{place} does not have {kernels.name}"
    made = " and ".join(f"gcc {version}" for version in sorted(compilers))
    if kernels.host_compiler in compilers:
        here = f"exactly what is here: {here}, CUDA {kernels.toolkit}, this factory's headers and flags"
    return f"{place} has these kernels made with {made}, not with {here}"


@contextlib.contextmanager
def _fetched(archives: Sequence[Asset], tag: str, remote: Remote, shop: Workshop) -> Iterator[list[Path]]:
    """Fetch ``archives``, and remove them afterwards; what broke off stays, to be continued."""
    paths = [_downloads(shop) / archive.name for archive in archives]
    try:
        for archive, path in zip(archives, paths, strict=True):
            if archive.sha256 is None:
                raise DigestError(f"GitHub gives no sha256 of {archive.name}, so it is not used")
            fetch(remote.address(tag, archive.name), archive.sha256, path)
        yield paths
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _refuse(kernels: SetRecord, needed: Collection[str], tried: Pool) -> None:
    """Raise DigestError where ``tried`` holds another set than ``kernels``, or lacks some of what is needed."""
    if tried.sets() != [kernels] or not set(tried.by_key()) <= set(kernels.keys):
        raise DigestError(f"the archives named {kernels.name} hold other kernels and are not used")
    lacking = tried.lacking(needed)
    if lacking:
        raise DigestError(f"the archives named {kernels.name} lack {len(lacking)} of its parts and are not used")
