"""What a package index lists of a project, and what a wheel on it says of itself; nothing is installed.

The index is the one that pip or uv is configured for, as in ``factory.system.packageindex``, or one that is named.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import requests
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    DistributionPackage,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedRepoVersionError,
)

from factory.errors import DigestError, SourceError, UnreachableError
from factory.system import pacedsession, remotefile, zips
from factory.system.download import PACE, root
from factory.system.pipconfig import index_url, without_password
from factory.update.listing import IndexFile

_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REMEDY = "Check the network, a proxy or pip's index-url, and run the same command again."
_LARGEST = 4 << 20  # bytes of metadata
_TORCH = zips.Bounds(members=100_000)  # torch 2.15.0 has 13 187
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")


def listed(project: str, env: Mapping[str, str], *, index: str | None = None) -> tuple[IndexFile, ...]:
    """Return all files of ``project`` on the default index, or on the one at the address ``index``.

    Raises UnreachableError where it does not answer as it must, SourceError where the index does not have the
    project, and UsageError where pip's configuration, which may name the index, cannot be read.
    """
    endpoint = index or index_url(env) or PYPI_SIMPLE_ENDPOINT
    with (
        _asking(project, without_password(endpoint)),
        PyPISimple(endpoint=endpoint, session=pacedsession.session(PACE)) as client,
    ):
        page = client.get_project_page(project, timeout=_TIMEOUT)
        return tuple(map(_file, page.packages))


def metadata(file: IndexFile) -> str:
    """Return the METADATA of a wheel.

    That is the file beside the wheel (PEP 658) where the index gives its hash; else it is read out of the wheel, of
    which only the needed parts are fetched, so that no hash of the index covers them.

    Raises UnreachableError where neither can be had, and DigestError where the file beside the wheel is another.
    """
    with _asking(f"the metadata of {file.name}", "the package index"), pacedsession.session(PACE) as session:
        return _beside(file, session) or _inside(file, session)


def _beside(file: IndexFile, session: requests.Session) -> str | None:
    if file.metadata_sha256 is None:
        return None
    answer = session.get(f"{file.url}.metadata", timeout=_TIMEOUT)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    answer.raise_for_status()
    found = hashlib.sha256(answer.content).hexdigest()
    if found != file.metadata_sha256:
        why = [f"expected sha256 {file.metadata_sha256}", f"received sha256 {found}"]
        raise DigestError(f"the metadata of {file.name} is not what the package index says", why=why)
    return answer.content.decode("utf-8")


def _inside(file: IndexFile, session: requests.Session) -> str:
    with remotefile.opened(file.url, session) as remote, zips.opened(remote, _TORCH) as wheel:
        entries = [entry for entry in wheel.infolist() if _METADATA.fullmatch(entry.filename)]
        if len(entries) != 1 or entries[0].file_size > _LARGEST:
            raise ValueError(f"{file.name} has no METADATA of its own")
        return zips.content(wheel, entries[0], _LARGEST).decode("utf-8")


def _file(package: DistributionPackage) -> IndexFile:
    return IndexFile(
        name=package.filename,
        url=package.url,
        sha256=_sha256(package.digests),
        yanked=package.is_yanked,
        metadata_sha256=_sha256(package.metadata_digests or {}),
    )


def _sha256(digests: Mapping[str, str]) -> str | None:
    value = digests.get("sha256", "")
    return value if _SHA256.fullmatch(value) else None


@contextlib.contextmanager
def _asking(what: str, shown: str) -> Iterator[None]:
    try:
        yield
    except NoSuchProjectError as error:
        raise SourceError(f"the package index {shown} does not have {what}") from error
    except (requests.RequestException, OSError) as error:
        raise UnreachableError(
            f"{what} cannot be had from {shown}", why=[without_password(root(error))], remedy=_REMEDY
        ) from error
    except (ValueError, UnsupportedRepoVersionError) as error:
        raise UnreachableError(
            f"{what}: {shown} does not answer as it must", why=[without_password(root(error))]
        ) from error
