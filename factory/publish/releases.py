"""The releases of a repository on GitHub, through PyGithub.

Nothing is repeated here: see ``factory.github.client``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from github import GithubException
from github.GitRelease import GitRelease
from github.GitReleaseAsset import GitReleaseAsset
from github.PaginatedList import PaginatedList

from factory.github.address import API
from factory.github.client import Client, limits
from factory.github.ratelimit import Limits
from factory.index.released import Asset as IndexedAsset
from factory.publish.parts import Asset, Release
from factory.system.retry import RetryPolicy, TroubleError

__all__ = ["Repository", "TroubleError", "limits"]

Result = TypeVar("Result")

_FINISHED = "uploaded"
_PIECE = 1 << 20
_POLICY = RetryPolicy()
_BINARY = "application/octet-stream"


class _Reading(Protocol):
    """Makes an attempt to read until it succeeds."""

    def __call__(self, attempt: Callable[[], Result], /) -> Result: ...


class Repository(Client):
    """The releases of ``OWNER/NAME``.

    Every method raises TroubleError where trying again may help, and PublishError where it does not.
    """

    def __init__(
        self, name: str, *, token: str | None, api: str = API, silence: float = 120.0, rules: Limits | None = None
    ) -> None:
        super().__init__(name, token=token, api=api, silence=silence, rules=rules)
        self._looked: dict[int, GitRelease] = {}
        self._listed: dict[int, GitReleaseAsset] = {}

    def find(self, tag: str) -> tuple[Release, ...]:
        """Return the published release of ``tag``, else all of its drafts that the token may see; without assets."""
        with self._asking(f"the release {tag}"):
            try:
                return (_release(self._repository.get_release(tag)),)
            except GithubException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        with self._asking(f"the releases of {self.name}", missing="wrong"):
            return tuple(_release(one) for one in self._repository.get_releases() if one.tag_name == tag)

    def look(self, number: int) -> tuple[Release, datetime]:
        """Return a release with all of its assets, and GitHub's clock, in UTC."""
        with self._asking(f"release {number}"):
            release = self._repository.get_release(number).complete()
            assets = {asset.id: asset for asset in release.get_assets()}
            self._looked[number] = release
            self._listed |= assets
            now = parsedate_to_datetime(str(release.raw_headers["date"])).astimezone(UTC)
            return _release(release, tuple(map(_asset, assets.values()))), now

    def create(self, tag: str, title: str) -> int:
        """Make a draft release and return its number. GitHub makes as many of one tag as are asked for."""
        with self._asking(f"a draft of {tag}"):
            return self._repository.create_git_release(tag, title, "", draft=True, make_latest="legacy").id

    def upload(self, number: int, name: str, content: Path | bytes) -> None:
        """Put a file into a release that was looked at; one that is there already is refused by GitHub."""
        with _opened(content) as (stream, size), self._asking(name):
            release = self._looked[number]
            release.upload_asset_from_memory(stream, size, name, label=name, content_type=_BINARY)

    def remove(self, number: int, asset: int) -> None:
        """Remove what an upload that broke off left; an asset that is finished by now, or gone, is left alone."""
        with self._asking(f"asset {asset}"):
            for listed in self._looked[number].get_assets():
                if listed.id == asset and listed.state != _FINISHED:
                    listed.delete_asset()

    def remove_draft(self, number: int) -> None:
        """Remove a draft if it is one still and holds nothing."""
        with self._asking(f"release {number}"):
            try:
                release = self._repository.get_release(number).complete()
                if release.draft and not list(release.get_assets()):
                    release.delete_release()
            except GithubException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise

    def publish(self, number: int, title: str, body: str) -> None:
        """Set title and text of a release that was looked at, and make it public."""
        with self._asking(f"release {number}"):
            self._looked[number].update_release(title, body, draft=False, make_latest="legacy")

    def read(self, asset: int) -> bytes:
        """Return the content of an asset of a release that was looked at."""
        with self._asking(self._listed[asset].name):
            return b"".join(self._pieces(asset))

    def digest(self, asset: int) -> str:
        """Return the sha256, in hexadecimal, of an asset of a release that was looked at, fetched for that."""
        digest = hashlib.sha256()
        with self._asking(self._listed[asset].name):
            for piece in self._pieces(asset):
                digest.update(piece)
        return digest.hexdigest()

    def published(
        self, *, policy: RetryPolicy = _POLICY, say: Callable[[str], object] = lambda _: None
    ) -> Iterator[tuple[str, tuple[IndexedAsset, ...]]]:
        """Yield every published release: its tag and its finished assets, as the index reads them.

        What fails is asked again, also when an asset is read. Raises UnreachableError where it kept failing.
        """
        reading = partial(self.read_patiently, policy=policy, say=say)
        with self._asking(f"the releases of {self.name}", missing="wrong"):
            releases = self._repository.get_releases()
        for release in reading(lambda: self._public(releases)):
            yield reading(partial(self._finished, release, reading))

    def _public(self, pages: PaginatedList[GitRelease]) -> list[GitRelease]:
        """Return what is on all pages but drafts; PyGithub keeps those pages that came."""
        with self._asking(f"the releases of {self.name}", missing="wrong"):
            return [release for release in pages if not release.draft]

    def _finished(self, release: GitRelease, reading: _Reading) -> tuple[str, tuple[IndexedAsset, ...]]:
        with self._asking(f"the release {release.id}"):
            assets = {asset.id: asset for asset in release.get_assets() if asset.state == _FINISHED}
            self._listed |= assets
            return release.tag_name, tuple(self._indexed(asset, reading) for asset in assets.values())

    def _indexed(self, asset: GitReleaseAsset, reading: _Reading) -> IndexedAsset:
        return IndexedAsset(
            name=asset.name,
            size=asset.size,
            sha256=_sha256(asset),
            url=asset.browser_download_url,
            updated_at=f"{asset.updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            read=lambda: reading(lambda: self.read(asset.id)),
        )

    def _pieces(self, asset: int) -> Iterator[bytes]:
        status, headers, pieces = self._listed[asset].download_asset(chunk_size=_PIECE)
        if status != HTTPStatus.OK:
            raise GithubException(status, None, headers)
        return pieces


@contextlib.contextmanager
def _opened(content: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(content, bytes):
        yield io.BytesIO(content), len(content)
        return
    with content.open("rb") as stream:
        yield stream, os.fstat(stream.fileno()).st_size


def _release(release: GitRelease, assets: tuple[Asset, ...] = ()) -> Release:
    return Release(
        id=release.id,
        tag=release.tag_name,
        draft=release.draft,
        immutable=bool(release.immutable),
        body=release.body or "",
        assets=assets,
    )


def _asset(asset: GitReleaseAsset) -> Asset:
    return Asset(
        id=asset.id,
        name=asset.name,
        size=asset.size,
        sha256=_sha256(asset),
        finished=asset.state == _FINISHED,
        created=asset.created_at.astimezone(UTC),
    )


def _sha256(asset: GitReleaseAsset) -> str | None:
    kind, _, value = (asset.digest or "").partition(":")
    return value if kind == "sha256" and value else None
