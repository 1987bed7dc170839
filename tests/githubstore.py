"""What the local GitHub remembers, and how GitHub would write it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

REPOSITORY = "someone/wheels"
HOME = "https://github.com"
_LINKS = ("url", "html_url", "followers_url", "following_url", "gists_url", "starred_url", "subscriptions_url")
_MORE_LINKS = ("organizations_url", "repos_url", "events_url", "received_events_url")
_OCTOCAT: dict[str, Any] = {
    "login": "octocat",
    "id": 1,
    "node_id": "U_1",
    "avatar_url": "https://github.com/images/octocat.gif",
    "gravatar_id": "",
    "type": "User",
    "site_admin": False,
} | {link: f"https://api.github.com/users/octocat/{link}" for link in (*_LINKS, *_MORE_LINKS)}


def octocat(kind: str = "User") -> dict[str, Any]:
    return {**_OCTOCAT, "type": kind}


@dataclass(kw_only=True)
class StoredAsset:
    """``says_digest`` is false for what GitHub took before it computed digests."""

    id: int
    tag: str
    name: str
    content: bytes
    state: str
    created: datetime
    says_digest: bool = True
    home: str = HOME

    def plain(self, api: str) -> dict[str, Any]:
        created = f"{self.created:%Y-%m-%dT%H:%M:%SZ}"
        known = self.state == "uploaded" and self.says_digest
        return {
            "url": f"{api}/repos/{REPOSITORY}/releases/assets/{self.id}",
            "browser_download_url": f"{self.home}/{REPOSITORY}/releases/download/{self.tag}/{self.name}",
            "id": self.id,
            "node_id": f"RA_{self.id}",
            "name": self.name,
            "label": "",
            "state": self.state,
            "content_type": "application/octet-stream",
            "size": len(self.content),
            "digest": f"sha256:{hashlib.sha256(self.content).hexdigest()}" if known else None,
            "download_count": 0,
            "created_at": created,
            "updated_at": created,
            "uploader": _OCTOCAT,
        }


@dataclass(kw_only=True)
class StoredRelease:
    id: int
    tag: str
    name: str
    body: str
    draft: bool
    immutable: bool = False
    assets: dict[int, StoredAsset] = field(default_factory=dict)

    def named(self, name: str) -> StoredAsset:
        (asset,) = (asset for asset in self.assets.values() if asset.name == name)
        return asset

    def contents(self) -> dict[str, bytes]:
        names = [asset.name for asset in self.assets.values()]
        assert len(names) == len(set(names))
        assert {asset.state for asset in self.assets.values()} <= {"uploaded"}
        return {asset.name: asset.content for asset in self.assets.values()}

    def plain(self, api: str) -> dict[str, Any]:
        url = f"{api}/repos/{REPOSITORY}/releases/{self.id}"
        return {
            "url": url,
            "html_url": f"https://github.com/{REPOSITORY}/releases/tag/{self.tag}",
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "tarball_url": None,
            "zipball_url": None,
            "id": self.id,
            "node_id": f"R_{self.id}",
            "tag_name": self.tag,
            "target_commitish": "main",
            "name": self.name,
            "body": self.body,
            "draft": self.draft,
            "prerelease": False,
            "immutable": self.immutable,
            "created_at": "2026-11-23T12:00:00Z",
            "published_at": None if self.draft else "2026-11-23T12:00:00Z",
            "author": _OCTOCAT,
            # Uploads that broke off are not in here: https://github.com/itchio/gothub/issues/1
            "assets": [asset.plain(api) for asset in self.assets.values() if asset.state == "uploaded"],
        }
