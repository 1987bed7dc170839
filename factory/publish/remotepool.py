"""Fetch published kernels into the pool, where the releases can be reached and have the very set that is needed.

What a release holds is read from its own lists of sums, not from GitHub's API: without a token, which no build may
have, the API's limit holds for an address, and on those that GitHub's runners share others use it up.

Whatever comes is tried in a pool of its own first, and enters the pool only if all of it is whole, it lists the
very set that was asked for, and no needed part is missing. Nothing here fails a build: what is not to be had is
compiled, and a line says why.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from factory.errors import DigestError, FactoryError
from factory.github import attestation
from factory.github.attestation import BUNDLE, Maker
from factory.output.progress import amount
from factory.platforms import platforms
from factory.pool import archive, inventory
from factory.pool.record import SetRecord, lineage
from factory.pool.store import Pool, pool_in
from factory.publish import checksums, pools
from factory.publish.provenance import POOL
from factory.session import Session
from factory.system import download
from factory.system.download import fetch
from factory.system.retry import RetryPolicy

_CLAIM = "fetch"
# Bytes of all lists of a release. GitHub takes 1000 files in one: factory/data/github.toml; these need a fifth of it.
_LISTS = 1_000_000
_POLICY = RetryPolicy(tries=1, most_asked=30.0, slowest=download.SLOWEST)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """The releases of ``repository``, ``OWNER/NAME``; ``server`` is the address of its GitHub.

    ``silence`` is how many seconds it may be silent when asked what there is: a build without network must not wait
    for long.
    """

    repository: str
    server: str
    silence: float = 5.0

    def address(self, tag: str, name: str) -> str:
        """Return where everybody may fetch an asset, without the API and its limits."""
        return f"{self.server}/{quote(self.repository)}/releases/download/{tag}/{quote(name)}"


def take(kernels: SetRecord, needed: Collection[str], *, remote: Remote, session: Session) -> None:
    """Fetch ``kernels`` if the pool lacks any of the parts ``needed``; say in a line what came, or why nothing did.

    What cannot be had is no failure: nothing is raised for the network, a damaged archive or a full disk.
    """
    with pool_in(session.cache).claim(_CLAIM, wait=True):  # who waited finds what the other fetched
        if not _lacks(pool_in(session.cache), needed):
            return
        try:
            said = _taken(kernels, needed, remote, session)
        except FactoryError as error:
            said = f"{'; '.join([error.what, *error.why])}; compiling here"
        except OSError as error:
            said = f"{kernels.name} cannot be kept: {error}; compiling here"
        session.log.say(f"kernels: {said}")


def _downloads(session: Session) -> Path:
    return session.cache / "downloads"


def _lacks(pool: Pool, needed: Collection[str]) -> bool:
    there = inventory.by_presence(pool)
    return any(there(key) is None for key in needed)


@dataclass(frozen=True, kw_only=True)
class _Release:
    """The release ``tag`` of ``remote``, and the sha256 of each file that its lists name."""

    tag: str
    remote: Remote
    listed: Mapping[str, str]

    def bring(self, name: str, refuse: Callable[[Pool], None], session: Session) -> str:
        """Move the set ``name`` into the pool, unless ``refuse`` raises for what it holds; say so."""
        archives = pools.archives(self.listed, name)
        with self.fetched(archives, session) as paths, pool_in(session.cache).temporary(_CLAIM) as place:
            size = sum(path.stat().st_size for path in paths)
            tried = Pool(place)
            for path in paths:
                archive.take(tried, path)
            refuse(tried)
            for brought in tried.sets():
                pool_in(session.cache).hold(brought)
                pool_in(session.cache).note(brought)
            inventory.move(tried, pool_in(session.cache))
        return f"{name} fetched from {self.tag} of {self.remote.repository}, {amount(size)}, verified by attestation"

    @contextlib.contextmanager
    def fetched(self, archives: Sequence[str], session: Session) -> Iterator[list[Path]]:
        """Fetch ``archives``, each by its sha256, and remove them afterwards; what broke off stays, to be continued.

        Raises DigestError for one whose attestation was not verified: a list of sums is as good as who may write
        releases.
        """
        paths = [_downloads(session) / name for name in archives]
        try:
            for name, path in zip(archives, paths, strict=True):
                address = self.remote.address(self.tag, name)
                fetch(address, self.listed[name], path)
                if name + BUNDLE in self.listed:
                    fetch(f"{address}{BUNDLE}", self.listed[name + BUNDLE], path.with_name(name + BUNDLE))
                maker = Maker(repository=self.remote.repository, workflow=POOL)
                attestation.required(path, maker, session.env)
            yield paths
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
                path.with_name(path.name + BUNDLE).unlink(missing_ok=True)


def _taken(kernels: SetRecord, needed: Collection[str], remote: Remote, session: Session) -> str:
    tag = pools.pool_tag(kernels.flash_attn)
    listed = _listed(kernels.name, tag, remote)
    release = _Release(tag=tag, remote=remote, listed=listed)
    if pools.archives(listed, kernels.name):
        return release.bring(kernels.name, partial(_refuse, kernels, needed), session)
    # What another kind of machine compiled; two of them would differ in its own compiler's build alone.
    for name in pools.kin(listed, kernels.name, _marks(kernels)):
        if any(one.name == name for one in pool_in(session.cache).sets()):
            return f"{name}, which another machine compiled, is here already"
        return release.bring(name, partial(_refuse_other, kernels, name), session)
    return f"{_absence(listed, kernels, tag, remote)}; compiling here"


def _marks(kernels: SetRecord) -> list[str]:
    """Return how the last parts of the names begin of sets like ``kernels`` that other machines compiled."""
    others = [name for name in platforms() if name != kernels.compiled_on]
    return [lineage(kernels.kin, name) for name in others] if kernels.kin else []


def _listed(kernels: str, tag: str, remote: Remote) -> dict[str, str]:
    """Return the sha256 of each file in the lists of ``tag``, up to the list with which ``kernels`` are whole.

    Raises what ``_lists`` raises.
    """
    listed: dict[str, str] = {}
    for found in _lists(tag, remote):
        new = found.keys() - listed.keys()
        listed = found | listed  # the first of a name stays
        if not new or pools.archives(listed, kernels):
            break
    return listed


def _lists(tag: str, remote: Remote) -> Iterator[dict[str, str]]:
    """Fetch the lists of ``tag``; none where nothing is published. Raises UnreachableError and DigestError."""
    left = _LISTS
    for number in itertools.count(1):
        address = remote.address(tag, checksums.sums_name(number))
        content = download.read(address, limit=left, silence=remote.silence, policy=_POLICY)
        if content is None:
            return
        left -= len(content)
        try:
            found = checksums.parse(content)
        except ValueError as error:
            raise DigestError(f"{address} is no list of sums", why=[str(error)]) from error
        yield found


def _absence(listed: Collection[str], kernels: SetRecord, tag: str, remote: Remote) -> str:
    if not listed:
        return f"nothing is published as {tag} of {remote.repository}, or not for everybody to see"
    place, here = f"{tag} of {remote.repository}", f"gcc {kernels.host_compiler}"
    compilers = {pools.compiler_of(name) for name in pools.rivals(listed, kernels.name)}
    if not compilers:
        return f"{place} does not have {kernels.name}"
    made = " and ".join(f"gcc {version}" for version in sorted(compilers))
    if kernels.host_compiler in compilers:
        here = f"exactly what is here: {here}, CUDA {kernels.toolkit}, this factory's headers and flags"
    return f"{place} has these kernels made with {made}, not with {here}"


def _refuse(kernels: SetRecord, needed: Collection[str], tried: Pool) -> None:
    """Raise DigestError where ``tried`` holds another set than ``kernels``, or lacks some of what is needed."""
    if tried.sets() != [kernels] or not set(tried.by_key()) <= set(kernels.keys):
        raise DigestError(f"the archives named {kernels.name} hold other kernels and are not used")
    lacking = tried.lacking(needed)
    if lacking:
        raise DigestError(f"the archives named {kernels.name} lack {len(lacking)} of its parts and are not used")


def _refuse_other(kernels: SetRecord, name: str, tried: Pool) -> None:
    """Raise DigestError where ``tried`` holds other than the set ``name``, or one that is no kin of ``kernels``."""
    found = tried.sets()
    if [one.name for one in found] != [name] or not set(tried.by_key()) <= set(found[0].keys):
        raise DigestError(f"the archives named {name} hold other kernels and are not used")
    if found[0].kin != kernels.kin or found[0].compiled_on in {"", kernels.compiled_on}:
        raise DigestError(f"the archives named {name} are not of the kin of {kernels.name} and are not used")
    lacking = tried.lacking(found[0].keys)
    if lacking:
        raise DigestError(f"the archives named {name} lack {len(lacking)} of its parts and are not used")
