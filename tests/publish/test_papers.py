"""What the page links beside each wheel, on what publishing put into a release."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from html import unescape
from pathlib import Path

from factory.index import homepage
from factory.index.index import gather
from factory.index.published import Published
from factory.index.served import SITE
from factory.index.served.flash_attn_wheel import Repository, install_lines
from factory.publish.publish import Means, publish
from factory.wheel import releasebill
from tests.githubserver import GithubServer
from tests.githubstore import REPOSITORY
from tests.publishing import UNTESTED, installed, make_wheel, policy, repository, wheel_name
from tests.samplewheels import RULES

OWN = {"lock", "requirements"}  # of the site itself
TEMPLATE = (SITE / "page.html").read_text(encoding="utf-8")


def sent(server: GithubServer, wheel: Path, attest: Callable[[Path], None] | None = None) -> str:
    github = repository(server)
    means = Means(installed=installed, github=github, say=str, policy=policy(server), attest=attest)
    publish([wheel], matrix=UNTESTED, means=means)
    github.close()
    return wheel.name


def listed(server: GithubServer) -> tuple[Published, ...]:
    github, said = repository(server, token=None), list[str]()
    found = gather(github.published(), known=(), say=said.append)
    github.close()
    assert said == []
    return found


def papers(page: str) -> dict[str, dict[str, str]]:
    """Give for each wheel what lies beside it, by word."""
    rows = [row for row in page.split("<tr")[1:] if "class=papers" in row]
    links = re.compile(r'<a href="([^"]+)">(\w+)</a>')
    names = [re.findall(r"releases/download/[^/]+/([^#\"]+whl)#", row)[0].replace("%2B", "+") for row in rows]
    cells = [row.partition("class=papers")[2] for row in rows]
    return {
        name: {word: unescape(address) for address, word in links.findall(cell)}
        for name, cell in zip(names, cells, strict=True)
    }


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # the server of this test
        content: bytes = answer.read()
        return content


def test_each_paper_is_linked_where_it_is_and_none_that_is_not(server: GithubServer, tmp_path: Path) -> None:
    server.home = server.api
    home = Repository(name=REPOSITORY, home=f"{server.api}/{REPOSITORY}", api=server.api)
    first = sent(server, make_wheel(tmp_path, tested=True), lambda _: None)
    second = sent(server, make_wheel(tmp_path, wheel_name("311")))
    release = server.public("v2.7.4.post1")
    third = make_wheel(tmp_path, wheel_name("312"))  # as a publisher leaves it that was ended before its lists
    for path in (third, third.with_name(f"{third.name}.report.json")):
        server.put(release, path.name, path.read_bytes())
    wheels = listed(server)
    found = papers(homepage.page(wheels, {**RULES, "repository": home}, TEMPLATE, indexes=[]))
    assert {name: set(beside) - OWN for name, beside in found.items()} == {
        first: {"report", "verdict", "SBOM", "attestation"},
        second: {"report", "SBOM"},
        third.name: {"report"},
    }
    assert [found[name]["SBOM"].rpartition("/")[2] for name in (first, second)] == [
        "flash_attn-2.7.4.post1.cdx.json",
        "flash_attn-2.7.4.post1.2.cdx.json",
    ]
    there = release.contents()
    for name, beside in found.items():
        for word in set(beside) - {*OWN, "attestation"}:
            assert fetched(beside[word]) == there[beside[word].rpartition("/")[2].replace("%2B", "+")]
        assert "SBOM" not in beside or name in releasebill.wheels(fetched(beside["SBOM"]))
    ways = {one.filename: install_lines(one.row, "https://x/", home) for one in wheels}
    assert [name for name, lines in ways.items() if "attestation" in lines] == [first]
