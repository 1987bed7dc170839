"""Fetches an sdist from the package index that pip or uv is configured for."""

from __future__ import annotations

from collections.abc import Mapping
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

_PROJECT = "flash-attn"
_TIMEOUT = (10.0, 60.0)  # seconds to connect, seconds without a byte


def download(name: str, sha256: str, target: Path, env: Mapping[str, str]) -> None:
    """Put the sdist of flash-attn that is called ``name`` into the directory ``target``.

    Raises UnreachableError, SourceError (no such file there) or DigestError (other bytes).
    """
    endpoint = index_url(env) or PYPI_SIMPLE_ENDPOINT
    shown = without_password(endpoint)
    try:
        with PyPISimple(endpoint=endpoint, session=pacedsession.session(PACE)) as client:
            page = client.get_project_page(_PROJECT, timeout=_TIMEOUT)
            found = [package for package in page.packages if package.filename == name]
            if not found:
                raise SourceError(f"the package index has no {name}", why=[f"asked {shown} for {_PROJECT}"])
            package = found[0]
            package.digests = {"sha256": sha256}
            client.download_package(package, target / package.filename, verify=True, timeout=_TIMEOUT)
    except NoSuchProjectError as error:
        raise SourceError(f"the package index {shown} does not have {_PROJECT}") from error
    except DigestMismatchError as error:
        raise DigestError(f"{name} is not the file matrix.yaml names", why=[without_password(str(error))]) from error
    except requests.RequestException as error:
        raise UnreachableError(
            f"{name} could not be downloaded from {shown}",
            why=[without_password(str(error))],
            remedy="Check the network, a proxy or pip's index-url, and run the same command again.",
        ) from error
    except (ValueError, UnsupportedRepoVersionError) as error:
        raise UnreachableError(
            f"{shown} does not answer as a package index",
            why=[without_password(str(error))],
            remedy="Check pip's index-url or a proxy, and run the same command again.",
        ) from error
