"""The only GitHub client: the releases of one repository, through PyGithub.

Nothing is repeated here. A request that changes something may have been carried out although its answer never
came, so whoever publishes looks at the release again and goes on from what is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from github.GithubException import BadAttributeException
from github.GitRelease import GitRelease
from github.GitReleaseAsset import GitReleaseAsset

from factory.core.errors import PublishError
from factory.core.published import Asset as IndexedAsset
from factory.core.release.pace import asked_wait
from factory.core.release.parts import Asset, Limits, Release
from factory.data import DATA
from factory.edge.patience import patient
from github import Auth, Github, GithubException

API = "https://api.github.com"
_VERSION = "2022-11-28"
_NAME = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", re.ASCII)
_TOKEN = re.compile(r"[!-~]+", re.ASCII)
_FINISHED = "uploaded"
_PIECE = 1 << 20
_PAGE = 100
# PyGithub's, on an answer that is no JSON or lacks what GitHub always says: a network that asks for a password first.
_STRANGE = (BadAttributeException, AssertionError, AttributeError, TypeError)
_BINARY = "application/octet-stream"


class TroubleError(Exception):
    """A request that may succeed later. ``wait`` are the seconds that GitHub asks for, None where it says nothing.

    ``unsure`` says that a change which was asked for may have been made, in part or whole.
    """

    def __init__(self, reason: str, *, wait: float | None = None, unsure: bool = True) -> None:
        super().__init__(reason)
        self.wait = wait
        self.unsure = unsure


def limits() -> Limits:
    """Read what GitHub takes from ``factory/data/github.toml``."""
    return Limits(**tomllib.loads((DATA / "github.toml").read_text(encoding="utf-8"))["limits"])


class Repository:
    """The releases of ``OWNER/NAME``.

    ``silence`` is in seconds and holds for the connection and for each silence after it. Without a token only
    what everybody may see is there, and nothing can be changed.

    Every method raises TroubleError where trying again may help and PublishError where it does not.
    """

    def __init__(
        self, name: str, *, token: str | None, api: str = API, silence: float = 120.0, rules: Limits | None = None
    ) -> None:
        if not _NAME.fullmatch(name):
            raise PublishError(f"{name!r} is no repository", remedy="Name one as OWNER/NAME.")
        self.name = name
        self.rules = rules or limits()
        self._session = patient(silence)
        self._github = Github(
            base_url=api,
            auth=_auth(token),
            per_page=_PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=self.rules.seconds_between_writes,
            api_version=_VERSION,
            lazy=True,
        )
        self._repository = self._github.get_repo(name)
        self._looked: dict[int, GitRelease] = {}
        self._listed: dict[int, GitReleaseAsset] = {}

    def close(self) -> None:
        """Close all connections."""
        self._session.close()
        self._github.close()

    def find(self, tag: str) -> tuple[Release, ...]:
        """Give the published release of ``tag``, else all of its drafts that the token may see; without assets."""
        with self._asking(f"the release {tag}"):
            try:
                return (_release(self._repository.get_release(tag)),)
            except GithubException as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        with self._asking(f"the releases of {self.name}", missing="wrong"):
            return tuple(_release(one) for one in self._repository.get_releases() if one.tag_name == tag)

    def look(self, number: int) -> tuple[Release, datetime]:
        """Give a release with all of its assets, and GitHub's clock, in UTC."""
        with self._asking(f"release {number}"):
            release = self._repository.get_release(number).complete()
            assets = {asset.id: asset for asset in release.get_assets()}
            self._looked[number] = release
            self._listed |= assets
            now = parsedate_to_datetime(str(release.raw_headers["date"])).astimezone(UTC)
            return _release(release, tuple(map(_asset, assets.values()))), now

    def create(self, tag: str, title: str) -> int:
        """Make a draft release and give its number. GitHub makes as many of one tag as are asked for."""
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
        """Give a release that was looked at its text and make it public."""
        with self._asking(f"release {number}"):
            self._looked[number].update_release(title, body, draft=False, make_latest="legacy")

    def read(self, asset: int) -> bytes:
        """Give the content of an asset of a release that was looked at."""
        with self._asking(self._listed[asset].name):
            return b"".join(self._pieces(asset))

    def digest(self, asset: int) -> str:
        """Fetch an asset of a release that was looked at, and give its sha256."""
        digest = hashlib.sha256()
        with self._asking(self._listed[asset].name):
            for piece in self._pieces(asset):
                digest.update(piece)
        return digest.hexdigest()

    def published(self) -> Iterator[tuple[str, tuple[IndexedAsset, ...]]]:
        """Give every published release: its tag and its finished assets, as the index reads them."""
        with self._asking(f"the releases of {self.name}", missing="wrong"):
            for release in self._repository.get_releases():
                if not release.draft:
                    assets = {asset.id: asset for asset in release.get_assets() if asset.state == _FINISHED}
                    self._listed |= assets
                    yield release.tag_name, tuple(map(self._indexed, assets.values()))

    def _indexed(self, asset: GitReleaseAsset) -> IndexedAsset:
        return IndexedAsset(
            name=asset.name,
            size=asset.size,
            sha256=_sha256(asset),
            url=asset.browser_download_url,
            updated_at=f"{asset.updated_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            read=lambda: self.read(asset.id),
        )

    def _pieces(self, asset: int) -> Iterator[bytes]:
        status, headers, pieces = self._listed[asset].download_asset(chunk_size=_PIECE)
        if status != HTTPStatus.OK:
            raise GithubException(status, None, headers)
        return pieces

    @contextlib.contextmanager
    def _asking(self, what: str, *, missing: str = "") -> Iterator[None]:
        """Tell what may help by trying again from what does not; ``missing`` says that a 404 does not."""
        try:
            yield
        except GithubException as error:
            raise self._meant(what, error, missing=missing) from error
        except (OSError, ValueError, RuntimeError) as error:  # requests' own; an answer cut short; a redirect too far
            raise TroubleError(f"{what}: {_cause(error)}") from error
        except _STRANGE as error:
            raise TroubleError(f"{what}: what answers does not speak like GitHub") from error

    def _meant(self, what: str, error: GithubException, *, missing: str) -> Exception:
        said = _said(error)
        reason = f"{what}: GitHub answers {error.status} {said}".rstrip()
        wait = asked_wait(error.status, error.headers or {}, self.rules, said=said)
        if error.status == HTTPStatus.UNAUTHORIZED:
            return PublishError("GitHub does not take the token", why=[reason], remedy=_TOKEN_REMEDY)
        if error.status == HTTPStatus.FORBIDDEN and wait is None:
            return PublishError(f"the token may not do that in {self.name}", why=[reason], remedy=_TOKEN_REMEDY)
        if error.status == HTTPStatus.NOT_FOUND and missing:
            return PublishError(f"there is no repository {self.name} that the token may see", why=[reason])
        return TroubleError(reason, wait=wait, unsure=error.status >= HTTPStatus.INTERNAL_SERVER_ERROR)


_TOKEN_REMEDY = "Give one with `contents: write` on the repository in GITHUB_TOKEN."  # noqa: S105 - no token


def _auth(token: str | None) -> Auth.Token | None:
    """Take a token. One with other signs would be shown by the error of whoever refuses it later."""
    text = (token or "").strip()
    if not text:
        return None
    if not _TOKEN.fullmatch(text):
        raise PublishError("GITHUB_TOKEN holds something that is no token", remedy=_TOKEN_REMEDY)
    return Auth.Token(text)


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


def _said(error: GithubException) -> str:
    """Give GitHub's own words, fit for a terminal and short."""
    data = error.data if isinstance(error.data, dict) else {}
    errors = [
        str(one.get("message") or one.get("code") or one) for one in data.get("errors", []) if isinstance(one, dict)
    ]
    text = " ".join([str(data.get("message", "")), *errors]).strip()
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300]


def _cause(error: BaseException) -> str:
    """Give the first cause: what requests and urllib3 wrap around it repeats addresses."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error) or type(error).__name__
