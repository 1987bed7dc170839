"""Against a registry on this machine that behaves, and misbehaves, as registries on the internet do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import DigestError, ImageError, UnreachableError
from factory.image.registry import digest, tags
from factory.matrix.imagename import ImageName
from tests.smallregistry import DIGEST, INDEX, MANIFEST, TOKEN, Answer, Handler, Registry, registry

PATH = "/v2/team/image/manifests/tag"


@pytest.fixture
def server() -> Iterator[Registry]:
    with registry() as server:
        yield server


def asked(server: Registry, rest: str = "team/image:tag", *, silence: float = 5.0) -> str:
    return digest(ImageName.parse(f"{server.name}/{rest}"), env={}, silence=silence)


def answer(body: bytes = MANIFEST, *, status: int = 200, kind: str = INDEX, **more: str) -> Answer:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return lambda handler: handler.say(body, status=status, kind=kind, more=headers)


def test_a_tag_s_digest_is_that_of_its_bytes(server: Registry) -> None:
    assert asked(server) == DIGEST
    assert server.asked == [(PATH, None)]


def test_indexes_and_manifests_of_both_kinds_are_accepted(server: Registry) -> None:
    asked(server)
    assert sorted(server.accepted.split(", ")) == [
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
    ]


@pytest.mark.parametrize("more", [',scope="repository:team/image:pull"', ""])
def test_a_token_is_fetched_and_shown(server: Registry, more: str) -> None:
    server.wants_tokens(more=more)
    assert asked(server) == DIGEST
    (first, none), (token, nothing), last = server.asked
    assert (first, none, nothing, last) == (PATH, None, None, (PATH, f"Bearer {TOKEN}"))
    assert token == "/token?service=the+registry&scope=repository%3Ateam%2Fimage%3Apull"  # noqa: S105 - an address


def test_the_other_name_of_a_token_is_known(server: Registry) -> None:
    server.wants_tokens()
    server.answers["/token"] = answer(json.dumps({"access_token": TOKEN, "expires_in": 300}).encode())
    assert asked(server) == DIGEST


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": 5}', b"<html>", b"[" * 100_000])
def test_no_token_is_told(server: Registry, body: bytes) -> None:
    server.wants_tokens()
    server.answers["/token"] = answer(body)
    with pytest.raises(ImageError) as caught:
        asked(server)
    assert caught.value.why == (f"{server.name} gave no token",)


@pytest.mark.parametrize("challenge", ['Basic realm="private"', "Bearer", 'Bearer service="x"', "?"])
def test_a_registry_that_wants_a_password_is_told(server: Registry, challenge: str) -> None:
    server.challenge = challenge
    with pytest.raises(ImageError) as caught:
        asked(server)
    assert caught.value.why == (f"{server.name} wants a password",)


def test_a_token_that_does_not_open_is_told(server: Registry) -> None:
    server.wants_tokens()
    server.answers["/token"] = answer(b'{"token": "of-no-use"}')
    with pytest.raises(ImageError) as caught:
        asked(server)
    assert "401 Unauthorized" in caught.value.why[0]
    assert len(server.asked) == 3


def test_passwords_kept_for_other_programs_are_not_used(
    server: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert asked(server) == DIGEST
    assert server.asked == [(PATH, None)]


def test_another_digest_than_that_of_the_bytes_is_refused(server: Registry) -> None:
    server.answers[PATH] = answer(Docker_Content_Digest="sha256:" + "0" * 64)
    with pytest.raises(DigestError) as caught:
        asked(server)
    assert caught.value.why == ("expected sha256:" + "0" * 64, f"received {DIGEST}")


def test_bytes_of_another_digest_than_asked_for_are_refused(server: Registry) -> None:
    server.manifests["team/image:sha256:" + "1" * 64] = MANIFEST
    with pytest.raises(DigestError):
        asked(server, "team/image@sha256:" + "1" * 64)


def test_the_digest_header_may_be_missing(server: Registry) -> None:
    server.answers[PATH] = answer()
    assert asked(server) == DIGEST


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_image_that_is_not_there_is_told(server: Registry, status: int) -> None:
    server.answers[PATH] = answer(b"", status=status)
    with pytest.raises(ImageError, match=f"{server.name}/team/image:tag is not to be had") as caught:
        asked(server)
    assert f"{server.name} answers {status}" in caught.value.why[0]


@pytest.mark.parametrize("status", [429, 500, 503, 599])
def test_a_registry_that_cannot_serve_is_told(server: Registry, status: int) -> None:
    server.answers[PATH] = answer(b"", status=status)
    with pytest.raises(UnreachableError, match=f"{server.name} cannot be asked") as caught:
        asked(server)
    assert f"answers {status}" in caught.value.why[0]


@pytest.mark.parametrize(
    ("body", "kind"), [(b"<html>Please log in", "text/html"), (MANIFEST, ""), (MANIFEST[:-1], INDEX), (b"", INDEX)]
)
def test_what_is_no_whole_manifest_has_no_digest(server: Registry, body: bytes, kind: str) -> None:
    server.answers[PATH] = answer(body, kind=kind)
    with pytest.raises(ImageError, match="is not to be had") as caught:
        asked(server)
    assert "no whole manifest" in caught.value.why[0]


def test_a_manifest_that_breaks_off_has_no_digest(server: Registry) -> None:
    server.answers[PATH] = answer(b'{"a": 1}', Content_Length="9000")
    with pytest.raises(UnreachableError) as caught:
        asked(server, silence=0.3)
    assert caught.value.why[0].startswith(f"{server.name}: ")


def test_a_manifest_without_an_end_is_not_read_to_it(server: Registry) -> None:
    def endless(handler: Handler) -> None:
        handler.say(b"", kind=INDEX, more={"Content-Length": str(10**12)})
        try:
            while True:
                handler.wfile.write(b" " * 65536)
        except OSError:
            handler.close_connection = True

    server.answers[PATH] = endless
    with pytest.raises(ImageError) as caught:
        asked(server)
    assert caught.value.why == ("the answer has more than 4194304 bytes",)


@pytest.mark.parametrize("begun", [True, False])
def test_silence_ends_soon(server: Registry, begun: bool) -> None:  # noqa: FBT001 - a parameter
    def silent(handler: Handler) -> None:
        if begun:
            handler.say(b"{", kind=INDEX, more={"Content-Length": "2"})
        handler.wait()

    server.answers[PATH] = silent
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=f"{server.name} cannot be asked") as caught:
        asked(server, silence=0.2)
    assert time.monotonic() - began < 3
    assert "timed out" in caught.value.why[0]


def test_a_silent_token_server_is_named(server: Registry) -> None:
    server.wants_tokens(realm=f"http://localhost:{server.server_port}/token")
    server.answers["/token"] = lambda handler: handler.wait()
    with pytest.raises(UnreachableError) as caught:
        asked(server, silence=0.2)
    assert caught.value.why[0].startswith(f"localhost:{server.server_port}: ")


def test_a_closed_port_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnreachableError) as caught:
        digest(ImageName.parse(f"{name}/image"), env={})
    assert caught.value.why == (f"{name}: [Errno 111] Connection refused",)


def test_a_redirect_is_followed_and_the_token_stays(server: Registry) -> None:
    server.wants_tokens()
    elsewhere = f"http://localhost:{server.server_port}/store"

    def moved(handler: Handler) -> None:
        if handler.headers["Authorization"]:
            handler.say(b"", status=307, more={"Location": elsewhere})
        else:
            handler.manifest(PATH)

    server.answers |= {PATH: moved, "/store": answer()}
    assert asked(server) == DIGEST
    assert server.asked[-2:] == [(PATH, f"Bearer {TOKEN}"), ("/store", None)]


def test_redirects_in_a_circle_end(server: Registry) -> None:
    server.answers[PATH] = answer(b"", status=307, Location=PATH)
    with pytest.raises(UnreachableError) as caught:
        asked(server)
    assert "more than 5 times" in caught.value.why[0]
    assert len(server.asked) == 5


@pytest.mark.parametrize("address", ["http://nowhere.invalid/x", "http://localhost.nowhere.invalid/x", "file:///x"])
@pytest.mark.parametrize("way", ["redirect", "realm"])
def test_nothing_but_https_leaves_this_machine(server: Registry, address: str, way: str) -> None:
    if way == "realm":
        server.wants_tokens(realm=address)
    else:
        server.answers[PATH] = answer(b"", status=302, Location=address)
    with pytest.raises(UnreachableError) as caught:
        asked(server)
    assert "not over HTTPS" in caught.value.why[0]


@pytest.mark.parametrize(
    "address", ["http://[", "https://", "nonsense", "https://\x1b[31mred.invalid/", "https://a:b:c/"]
)
@pytest.mark.parametrize("way", ["redirect", "realm"])
def test_addresses_that_are_none_are_told(server: Registry, address: str, way: str) -> None:
    if way == "realm":
        server.wants_tokens(realm=address)
    else:
        server.answers[PATH] = answer(b"", status=302, Location=address)
    with pytest.raises((UnreachableError, ImageError)) as caught:
        asked(server)
    assert str(caught.value).replace("\n", "").isprintable()


def test_registries_elsewhere_are_asked_over_https_through_the_proxy(server: Registry) -> None:
    env = {"https_proxy": f"http://someone:secret@{server.name}", "HTTP_PROXY": "http://nowhere.invalid"}
    with pytest.raises(UnreachableError, match=r"docker\.io cannot be asked") as caught:
        digest(ImageName.parse("debian:12"), env=env)
    assert server.asked == [("CONNECT registry-1.docker.io:443", None)]
    assert "403" in caught.value.why[0]
    assert "secret" not in str(caught.value)


def test_a_registry_of_this_machine_needs_no_proxy(server: Registry) -> None:
    image = ImageName.parse(f"{server.name}/team/image:tag")
    assert digest(image, env={"http_proxy": "http://nowhere.invalid", "ALL_PROXY": "http://nowhere.invalid"}) == DIGEST


def test_exceptions_from_the_proxy_are_kept(server: Registry) -> None:
    env = {"HTTPS_PROXY": f"http://{server.name}", "NO_PROXY": ".invalid"}
    with pytest.raises(UnreachableError):
        digest(ImageName.parse("nowhere.invalid/image:1"), env=env)
    assert server.asked == []


def test_a_ca_bundle_that_is_not_there_is_told(server: Registry, tmp_path: Path) -> None:
    env = {"https_proxy": f"http://{server.name}", "REQUESTS_CA_BUNDLE": str(tmp_path / "missing.pem")}
    with pytest.raises(UnreachableError) as caught:
        digest(ImageName.parse("debian:12"), env=env)
    assert "missing.pem" in caught.value.why[0]


def listing(*names: str, following: str = "") -> Answer:
    more = {"Link": f'<{following}>; rel="next"'} if following else {}
    return lambda handler: handler.say(json.dumps({"name": "team/image", "tags": names}).encode(), more=more)


def test_all_tags_are_listed_page_by_page(server: Registry) -> None:
    pages = [listing("b", "c"), listing("a", following="/v2/team/image/tags/list?n=1000&last=a")]

    def turn(handler: Handler) -> None:
        pages.pop()(handler)

    server.answers["/v2/team/image/tags/list"] = turn
    assert tags(ImageName.parse(f"{server.name}/team/image:tag"), env={}) == ("a", "b", "c")
    assert [path for path, _ in server.asked] == [
        "/v2/team/image/tags/list?n=1000",
        "/v2/team/image/tags/list?n=1000&last=a",
    ]


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"tags": null}', b'{"tags": [1]}', b'{"errors": []}'])
def test_what_is_no_list_of_tags_is_told(server: Registry, answer: bytes) -> None:
    server.answers["/v2/team/image/tags/list"] = lambda handler: handler.say(answer)
    with pytest.raises(ImageError, match="is not to be had") as caught:
        tags(ImageName.parse(f"{server.name}/team/image:tag"), env={})
    assert caught.value.why == ("what came is no list of tags",)


def test_a_list_of_tags_stays_with_its_registry_and_ends(server: Registry) -> None:
    server.answers["/v2/team/image/tags/list"] = listing("a", following="http://127.0.0.1:1/v2/team/image/tags/list")
    with pytest.raises(ImageError) as caught:
        tags(ImageName.parse(f"{server.name}/team/image:tag"), env={})
    assert caught.value.why == ("its list of tags goes on at another registry",)
    server.answers["/v2/team/image/tags/list"] = listing("a", following="/v2/team/image/tags/list")
    with pytest.raises(ImageError) as caught:
        tags(ImageName.parse(f"{server.name}/team/image:tag"), env={})
    assert caught.value.why == ("it has more than 50000 tags",)


def test_tags_of_a_repository_that_is_not_there_are_told(server: Registry) -> None:
    server.answers["/v2/team/image/tags/list"] = lambda handler: handler.say(b"{}", status=404)
    with pytest.raises(ImageError, match="is not to be had"):
        tags(ImageName.parse(f"{server.name}/team/image:tag"), env={})
