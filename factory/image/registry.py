"""Asks image registries, without a password, which tags there are and which digest a tag has now.

OCI distribution specification 1.1, "Pulling manifests" and "Listing Tags"; Docker's "Token authentication
specification". Own code in place of a registry library: it holds a server to a size, a time and few redirects, sends no
password out of ``~/.netrc``, and believes a manifest by its bytes alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import parse_http_list

import requests
from requests.utils import parse_header_links, should_bypass_proxies
from urllib3.exceptions import HTTPError

from factory.errors import DigestError, FactoryError, ImageError, UnreachableError
from factory.matrix.imagename import ImageName
from factory.system.download import root
from factory.system.pipconfig import without_password

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_API = {"docker.io": "registry-1.docker.io"}  # the one registry whose name is not its address
_CONNECT = 10.0  # seconds
_WHOLE = 30.0  # seconds from the first byte of an answer to its last
_LARGEST = 4 << 20  # bytes; larger manifests need not be supported by registries either
_HOPS = 5
_PAGE = 1000  # tags
_MOST_PAGES = 50
_HIDDEN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_TOLD = 300  # characters of what a server says
_REMEDY = "Try again where it can be reached: nox -s pin"


def digest(image: ImageName, *, env: Mapping[str, str], silence: float = 20.0) -> str:
    """Return ``sha256:...`` of the manifest (or index) that ``image`` names now, computed from its bytes.

    ``env`` names proxies and the CA bundle as requests reads them. ``silence`` is in seconds.

    Raises:
        UnreachableError: The registry, or the token server it sends us to, does not answer or cannot serve.
        ImageError: It answers that there is no such image for the public, or with something else than a manifest.
        DigestError: The manifest is not the one that the registry says it is.
    """
    with _asking(image, env, silence) as asker:
        return _verified(image, _manifest(asker, image))


def tags(image: ImageName, *, env: Mapping[str, str], silence: float = 20.0) -> tuple[str, ...]:
    """Return all tags of the repository of ``image``. Raises what ``digest`` raises."""
    with _asking(image, env, silence) as asker:
        return tuple(tag for answer in _pages(asker, image) for tag in _listed(image, answer))


@contextlib.contextmanager
def _asking(image: ImageName, env: Mapping[str, str], silence: float) -> Iterator[_Asker]:
    with _Asker(image, env, silence) as asker:
        try:
            yield asker
        except (OSError, ValueError, HTTPError) as error:  # OSError: also all of requests' own
            raise _unreachable(image, f"{asker.host}: {root(error)}") from error


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Asker(requests.Session):
    """Asks one registry over HTTPS, or over HTTP if it is on this machine; ``host`` is the one asked last.

    Follows few redirects and reads only so much.
    """

    def __init__(self, image: ImageName, env: Mapping[str, str], silence: float) -> None:
        super().__init__()
        self.image = image
        self.host = _API.get(image.registry, image.registry)
        self.trust_env = False  # else passwords are taken from ~/.netrc
        self.verify = env.get("REQUESTS_CA_BUNDLE") or env.get("CURL_CA_BUNDLE") or True
        self._near = _is_near(f"//{self.host}")
        self._ways = {way: _either(env, f"{way}_proxy") for way in ("http", "https", "all")}
        self._direct = _either(env, "no_proxy")
        self._patience = (_CONNECT, silence)

    @property
    def root(self) -> str:
        """Where the registry's API is."""
        return f"{'http' if self._near else 'https'}://{self.host}/v2/"

    def ask(self, url: str, *, token: str = "") -> _Answer:
        """Get ``url``; the token stays with its host."""
        home = urlsplit(url)[:2]
        for _ in range(_HOPS):
            headers = {"Accept": ", ".join(_MANIFESTS), "Accept-Encoding": "identity"}
            if token and urlsplit(url)[:2] == home:
                headers["Authorization"] = f"Bearer {token}"
            with self._open(url, headers) as answer:
                if not answer.is_redirect:
                    return _Answer(status=answer.status_code, headers=answer.headers, body=_body(answer, self.image))
                url = urljoin(url, answer.headers["Location"])
        raise requests.TooManyRedirects(f"it sends us on more than {_HOPS} times")

    def _open(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._near and _is_near(url)):
            raise requests.exceptions.InvalidSchema(f"it sends us to {parts.scheme}://{parts.hostname}, not over HTTPS")
        self.host = parts.netloc
        direct = _is_near(url) or should_bypass_proxies(url, no_proxy=self._direct)
        proxies = {way: proxy for way, proxy in self._ways.items() if proxy and not direct}
        return self.get(
            url, headers=headers, proxies=proxies, timeout=self._patience, stream=True, allow_redirects=False
        )


def _is_near(url: str) -> bool:
    return urlsplit(url).hostname in {"localhost", "127.0.0.1"}


def _body(answer: requests.Response, image: ImageName) -> bytes:
    began, body = time.monotonic(), b""
    while chunk := answer.raw.read1(1 << 16, decode_content=False):
        body += chunk
        if len(body) > _LARGEST:
            raise _unfit(image, f"the answer has more than {_LARGEST} bytes")
        if time.monotonic() - began > _WHOLE:
            raise requests.ReadTimeout(f"no whole answer within {_WHOLE:g} seconds")
    return body


def _manifest(asker: _Asker, image: ImageName) -> _Answer:
    answer = _let_in(asker, image, f"{asker.root}{image.repository}/manifests/{image.reference}")
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in _MANIFESTS or not _object(answer.body):
        raise _unfit(image, f"what came is no whole manifest ({kind or 'of no stated type'})")
    return answer


def _pages(asker: _Asker, image: ImageName) -> Iterator[_Answer]:
    url = f"{asker.root}{image.repository}/tags/list?n={_PAGE}"
    for _ in range(_MOST_PAGES):
        answer = _let_in(asker, image, url)
        yield answer
        links = parse_header_links(answer.headers.get("Link", ""))
        further = next((link["url"] for link in links if link.get("rel") == "next"), None)
        if further is None:
            return
        url = urljoin(url, further)
        if urlsplit(url)[:2] != urlsplit(asker.root)[:2]:
            raise _unfit(image, "its list of tags goes on at another registry")
    raise _unfit(image, f"it has more than {_MOST_PAGES * _PAGE} tags")


def _listed(image: ImageName, answer: _Answer) -> list[str]:
    listed = _object(answer.body).get("tags")
    if not isinstance(listed, list) or not all(isinstance(tag, str) for tag in listed):
        raise _unfit(image, "what came is no list of tags")
    return listed


def _let_in(asker: _Asker, image: ImageName, url: str) -> _Answer:
    """Get ``url``, with a token for everybody if the registry wants one."""
    answer = asker.ask(url)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        answer = asker.ask(url, token=_token(asker, answer.headers.get("WWW-Authenticate", ""), image))
    if answer.status != HTTPStatus.OK:
        raise _refused(image, answer.status)
    return answer


def _token(asker: _Asker, challenge: str, image: ImageName) -> str:
    bearer = re.search(r"\bbearer\s+(.+)", challenge, re.IGNORECASE)
    told = _parameters(bearer[1]) if bearer else {}
    if "realm" not in told:
        raise _unfit(image, f"{image.registry} wants a password")
    query = {"service": told.get("service"), "scope": told.get("scope", f"repository:{image.repository}:pull")}
    answer = asker.ask(requests.Request("GET", told["realm"], params=query).prepare().url or "")
    if answer.status != HTTPStatus.OK:
        raise _refused(image, answer.status)
    given = _object(answer.body)
    token = given.get("token") or given.get("access_token")
    if not isinstance(token, str):
        raise _unfit(image, f"{image.registry} gave no token")
    return token


def _object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; empty where ``body`` is none."""
    try:
        made = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return made if isinstance(made, dict) else {}


def _parameters(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in parse_http_list(text))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _verified(image: ImageName, answer: _Answer) -> str:
    found = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    for stated in (answer.headers.get("Docker-Content-Digest"), image.digest):
        if stated not in {None, found}:
            raise DigestError(
                f"the manifest of {image} is not the one it must be",
                why=(_told(f"expected {stated}"), f"received {found}"),
                remedy="Try again; if it stays, it is altered on the way.",
            )
    return found


def _refused(image: ImageName, status: int) -> FactoryError:
    said = f"{image.registry} answers {status} {_phrase(status)}".rstrip()
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unreachable(image, said)
    return _unfit(image, f"{said}: not there, or not for the public" if status in _HIDDEN else said)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""


def _unreachable(image: ImageName, reason: str) -> UnreachableError:
    return UnreachableError(f"{image.registry} cannot be asked", why=(_told(reason),), remedy=_REMEDY)


def _unfit(image: ImageName, reason: str) -> ImageError:
    remedy = "Check its name in matrix.yaml; only images that are open to everyone can be asked for."
    return ImageError(f"{image} is not to be had", why=(_told(reason),), remedy=remedy)


def _told(text: str) -> str:
    """Make what came from outside fit for a terminal and a log."""
    return "".join(sign if sign.isprintable() else "?" for sign in without_password(text)[:_TOLD])


def _either(env: Mapping[str, str], name: str) -> str:
    return env.get(name) or env.get(name.upper()) or ""
