"""GitHub's own OpenAPI description, from the npm package that ``tests/data/octokit-openapi.json`` pins."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from tests import npmpackage

PIN = json.loads((Path(__file__).parent / "data" / "octokit-openapi.json").read_text())
PATHS = (
    "/repos/{owner}/{repo}/releases",
    "/repos/{owner}/{repo}/releases/tags/{tag}",
    "/repos/{owner}/{repo}/releases/assets/{asset_id}",
    "/repos/{owner}/{repo}/releases/{release_id}",
    "/repos/{owner}/{repo}/releases/{release_id}/assets",
    "/repos/{owner}/{repo}/releases/latest",
    "/repos/{owner}/{repo}/issues",
    "/repos/{owner}/{repo}/issues/{issue_number}",
    "/repos/{owner}/{repo}/actions/permissions/fork-pr-contributor-approval",
    "/repos/{owner}/{repo}/actions/runners",
    "/repos/{owner}/{repo}/environments/{environment_name}",
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
    "/repos/{owner}/{repo}/git/ref/{ref}",
    "/repos/{owner}/{repo}/git/tags/{tag_sha}",
)
_ALIKE = (
    (re.compile(r"sha256:[0-9a-f]+"), "sha256:0"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "2026-11-23T12:00:00Z"),
    (re.compile(r"(?<=[/ _])\d+(?=[/,\"])"), "7"),
)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request and the answer to it. ``query`` is in the order of the address, ``path`` without it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes
    status: int
    answered_type: str
    answer: bytes


@functools.cache
def description() -> OpenAPI:
    """Read what the API promises of releases; the package is fetched once and kept with the factory's cache."""
    whole = json.loads(npmpackage.content(PIN))
    whole["paths"] = {path: whole["paths"][path] for path in PATHS}
    whole.pop("x-webhooks", None)
    # The enumeration lacks the state that the prose of the upload has: "an empty asset with a state of `starter`".
    states = whole["components"]["schemas"]["release-asset"]["properties"]["state"]["enum"]
    states.append("starter")
    # Open issues have null there; `nullable` beside an `enum` without null does not allow it.
    whole["components"]["schemas"]["issue"]["properties"]["state_reason"]["enum"].append(None)
    unchecked = Config(spec_validator_cls=None)  # type: ignore[arg-type]  # their own description: 13 MB, taken as it is
    return OpenAPI.from_dict(whole, config=unchecked)


def violations(exchange: Exchange) -> tuple[str, ...]:
    """Say what of an exchange is not as GitHub describes it."""
    path = _alike(exchange.path).replace("/git/ref/tags/", "/git/ref/tags%2F")  # one parameter, slash and all
    return _violations(replace(exchange, path=path, answer=_alike(exchange.answer.decode()).encode()))


def _alike(text: str) -> str:
    """Give one text for all that differ in their numbers and times: the same form is held to the description once."""
    for pattern, alike in _ALIKE:
        text = pattern.sub(alike, text)
    return text


@functools.lru_cache(maxsize=4096)
def _violations(exchange: Exchange) -> tuple[str, ...]:
    host = "https://uploads.github.com" if _is_upload(exchange) else "https://api.github.com"
    request = MockRequest(
        host,
        exchange.method,
        exchange.path,
        args=dict(exchange.query),
        data=exchange.body,
        content_type=exchange.content_type,
    )
    found = _said(lambda: description().validate_request(request))
    if exchange.status < 300:
        answer = MockResponse(exchange.answer, exchange.status, content_type=exchange.answered_type)
        found += _said(lambda: description().validate_response(request, answer))
    return tuple(f"{exchange.method} {exchange.path}: {exchange.status}: {line}" for line in found)


def _is_upload(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.path.endswith("/assets")


def _said(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except OpenAPIError as error:
        return [f"{error!r}: {error.__cause__!r}"]
    return []
