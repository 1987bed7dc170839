"""Fetches one file, known by its hash, from the package index that pip or uv is configured for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    DigestMismatchError,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedRepoVersionError,
)

from factory.errors import DigestError, SourceError, UnreachableError
from factory.system import pacedsession
from factory.system.download import PACE
from factory.system.pipconfig import index_url, without_password

_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte


@dataclass(frozen=True, kw_only=True)
class File:
    """The file ``name`` of ``project``; its ``sha256`` is written where ``pinned`` says, for people."""

    project: str
    name: str
    sha256: str
    pinned: str


def fetch(file: File, into: Path, env: Mapping[str, str]) -> None:
    """Put ``file`` into the directory ``into``, under its name.

    Raises UnreachableError, SourceError (no such file there), DigestError (other bytes), and UsageError where pip's
    configuration, which may name the index, cannot be read.
    """
    endpoint = index_url(env) or PYPI_SIMPLE_ENDPOINT
    shown = without_password(endpoint)
    try:
        with PyPISimple(endpoint=endpoint, session=pacedsession.session(PACE)) as client:
            page = client.get_project_page(file.project, timeout=_TIMEOUT)
            found = [package for package in page.packages if package.filename == file.name]
            if not found:
                raise SourceError(f"the package index has no {file.name}", why=[f"asked {shown} for {file.project}"])
            package = found[0]
            package.digests = {"sha256": file.sha256}
            client.download_package(package, into / file.name, verify=True, timeout=_TIMEOUT)
    except NoSuchProjectError as error:
        raise SourceError(f"the package index {shown} does not have {file.project}") from error
    except DigestMismatchError as error:
        raise DigestError(
            f"{file.name} is not the file {file.pinned} names", why=[without_password(str(error))]
        ) from error
    except requests.RequestException as error:
        raise UnreachableError(
            f"{file.name} could not be downloaded from {shown}",
            why=[without_password(str(error))],
            remedy="Check the network, a proxy or pip's index-url, and run the same command again.",
        ) from error
    except (ValueError, UnsupportedRepoVersionError) as error:
        raise UnreachableError(
            f"{shown} does not answer as a package index",
            why=[without_password(str(error))],
            remedy="Check pip's index-url or a proxy, and run the same command again.",
        ) from error
