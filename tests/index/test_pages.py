from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.index import beside, locks, requirements, simple
from factory.index.groups import all_indexes, by_cuda, by_toolkit
from factory.index.index import losses, pages, templates
from factory.index.published import Gpu, Published
from factory.index.served import SITE
from tests import schemas
from tests.samplewheels import BUILDS, FACTS, GUIDE, RULES, many, wheel

TEMPLATES = templates()
PATH = "cu124/torch2.6/cxx11abiFALSE"


class Page(HTMLParser):
    """Notes the links of a page with their attributes, its headings and its table rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_project_page_says_all_that_installers_want() -> None:
    one = wheel(yanked='it "fails" & more')
    (link,) = Page(simple.pages([one], BUILDS)[f"{PATH}/flash-attn/index.html"]).links
    assert link == {
        "href": f"{one.url}#sha256={one.sha256}",
        "data-requires-python": ">=3.9",
        "data-core-metadata": f"sha256={one.metadata_sha256}",
        "data-yanked": 'it "fails" & more',
        "data-size": str(one.size),
        "data-upload-time": "2026-11-22T10:00:00Z",
    }


def test_what_nobody_said_stands_nowhere() -> None:
    bare = wheel(metadata_sha256=None, requires_python=None)
    (link,) = Page(simple.pages([bare], BUILDS)[f"{PATH}/flash-attn/index.html"]).links
    assert list(link) == ["href", "data-size", "data-upload-time"]


def test_an_index_lists_its_one_project() -> None:
    assert Page(simple.pages([wheel()], BUILDS)[f"{PATH}/index.html"]).links == [{"href": "flash-attn/"}]


def test_a_mirror_links_within_itself() -> None:
    page = simple.pages([wheel(url=f"files/{GUIDE.replace('+', '%2B')}")], BUILDS)[f"{PATH}/flash-attn/index.html"]
    (link,) = Page(page).links
    assert str(link["href"]).startswith("../../../../files/flash_attn-2.7.4.post1%2Bcu12")


def test_a_wheel_is_in_the_index_of_its_toolkit_and_of_its_major() -> None:
    assert set(simple.pages([wheel()], BUILDS)) == {
        f"{path}/{page}"
        for path in ("cu124", "cu124/torch2.6/cxx11abiFALSE", "cu12/torch2.6/cxx11abiFALSE")
        for page in ("index.html", "flash-attn/index.html")
    }
    assert {group.path for group in all_indexes([replace(wheel(), cuda=None)])} == {"cu12/torch2.6/cxx11abiFALSE"}


def test_an_index_of_a_cuda_has_what_flash_attn_requires_and_no_finer_one_does() -> None:
    others = beside.known()
    made = simple.pages([wheel(), wheel(profile="smoke")], BUILDS, others)
    assert {path for path in made if "einops" in path} == {
        "cu124/einops/index.html",
        "cu124.smoke/einops/index.html",
    }
    assert [link["href"] for link in Page(made["cu124/index.html"]).links] == ["flash-attn/", "einops/"]
    links = Page(made["cu124/einops/index.html"]).links
    assert [link["href"] for link in links] == [f"../../{one.path}#sha256={one.sha256}" for one in others]
    assert {name for link in links for name in link} == {
        *("href", "data-requires-python", "data-size", "data-upload-time"),
    }
    page = pages([wheel()], replace(FACTS, others=dict.fromkeys(others, b"")), TEMPLATES)["index.html"]
    assert "Every torch of one CUDA, with einops, for" in page
    assert "Name one alone, that of your torch" in page


def test_local_versions_never_compete_in_one_index() -> None:
    wheels = [wheel(), wheel(abi=True), wheel(torch="2.10"), wheel(profile="smoke"), wheel(cuda="13.0")]
    for group in all_indexes([*wheels, *(replace(one, cuda=None) for one in wheels)]):
        assert len({one.name.local for one in group.wheels}) == 1, group.path


def paths(one: Published) -> set[str]:
    return {index.path for index in by_cuda([one], BUILDS)}


def test_an_index_of_a_cuda_holds_what_fits_the_torches_that_are_published_for_it() -> None:
    assert paths(wheel(torch="2.4")) == paths(wheel(torch="2.5")) == {"cu121", "cu124"}
    assert paths(wheel(torch="2.6")) == {"cu124"}
    assert paths(wheel(torch="2.6", cuda="12.6", abi=True)) == {"cu126"}
    assert paths(wheel(torch="2.8", cuda="12.8", abi=True)) == {"cu126", "cu128", "cu129"}
    assert paths(wheel(torch="2.12", cuda="13.0", abi=True)) == {"cu130", "cu132"}
    assert paths(wheel(profile="smoke")) == {"cu124.smoke"}


def test_a_torch_that_the_matrix_does_not_know_has_its_toolkits_index() -> None:
    assert paths(wheel(torch="2.99", cuda="13.0", abi=True)) == {"cu130"}
    assert paths(replace(wheel(torch="2.99"), cuda=None)) == set()
    assert paths(replace(wheel(), cuda=None)) == {"cu124"}


def test_a_wheel_that_its_torch_knows_nothing_of_is_in_no_index_of_a_cuda() -> None:
    for requires in (None, (), ("torch", "einops"), ("torch==2.5.*",)):
        assert paths(replace(wheel(), requires=requires)) == set()


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(many(400)), max_size=60))
def test_in_an_index_of_a_cuda_each_torch_has_one_abi_and_each_version_one_wheel(wheels: set[Published]) -> None:
    for index in by_cuda(wheels, BUILDS):
        official = {build.series for build in BUILDS}
        abis = {(one.name.torch, one.name.cxx11abi) for one in index.wheels if one.name.torch in official}
        assert len(abis) == len({torch for torch, _ in abis})
        assert len({one.name.filename for one in index.wheels}) == len(index.wheels)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.sampled_from(many(200)), max_size=40))
def test_every_wheel_is_on_the_page_and_in_one_section(wheels: set[Published]) -> None:
    listed = [one for group in by_toolkit(wheels) for one in group.wheels]
    assert sorted(one.filename for one in listed) == sorted(one.filename for one in wheels)
    page = Page(pages(wheels, FACTS, TEMPLATES)["index.html"])
    assert {link["href"] for link in page.links} >= {f"{one.url}#sha256={one.sha256}" for one in wheels}
    assert page.tags.count("tr") == len(wheels) + page.tags.count("table")


def test_every_link_of_the_page_into_the_index_leads_somewhere() -> None:
    made = pages(many(60), FACTS, TEMPLATES)
    for name in ("status", "rules", "wheels"):
        schemas.check(name, json.loads(made[f"{name}.json"]))
    links = {str(link["href"]).split("#")[0] for link in Page(made["index.html"]).links}
    own = {link for link in links if link and not urlsplit(link).scheme} - {"flash_attn_wheel.py"}
    assert {link if not link.endswith("/") else f"{link}index.html" for link in own} <= made.keys()
    assert {place.path(one) for one in many(60) for place in (locks, requirements)} <= own
    assert {f"{index.path}/" for index in by_cuda(many(60), BUILDS)} <= own


@settings(deadline=None, max_examples=40)
@given(st.permutations(many(60)))
def test_the_same_wheels_give_the_same_site(wheels: list[Published]) -> None:
    assert pages(wheels, FACTS, TEMPLATES) == pages(many(60), FACTS, TEMPLATES)


def test_the_page_escapes_what_people_wrote() -> None:
    page = pages([wheel(yanked="<script>alert(1)</script>")], FACTS, TEMPLATES)["index.html"]
    assert "<script>alert" not in page
    assert "withdrawn: <script>alert(1)</script>" in "".join(Page(page).text)


def test_a_wheel_shows_what_lies_beside_it() -> None:
    one = wheel(gpu=Gpu(verdict="untested"), bill="flash_attn-2.7.4.post1.2.cdx.json")
    tested = wheel(python="3.11", bill=None, attested=False)
    page = Page(pages([one, tested], FACTS, TEMPLATES)["index.html"])
    links = {str(link["href"]) for link in page.links}
    release = "https://github.com/owner/repo/releases/"
    assert {
        f"{one.url}.report.json",
        f"{tested.url}.report.json",
        f"{tested.url}.verdict.json",
        f"{release}download/v2.7.4.post1/flash_attn-2.7.4.post1.2.cdx.json",
        f"https://api.github.com/repos/owner/repo/attestations/sha256:{one.sha256}",
        "https://github.com/owner/repo",
    } <= links
    assert f"{one.url}.verdict.json" not in links
    assert not [link for link in links if link.endswith((f"sha256:{tested.sha256}", "post1.cdx.json"))]
    assert f"{release}tag/v2.7.4.post1" not in links
    unknown = Page(pages([one], replace(FACTS, rules={**RULES, "repository": None}), TEMPLATES)["index.html"])
    assert not [link for link in unknown.links if str(link["href"]).endswith(".report.json")]


def test_the_rules_on_the_page_are_those_beside_it() -> None:
    made = pages([wheel()], FACTS, TEMPLATES)
    (held,) = re.findall(r'<script type="application/json" id="rules">(.*)</script>', made["index.html"])
    assert json.loads(held) == json.loads(made["rules.json"]) == RULES


def test_the_cells_that_script_and_style_name_are_on_the_page() -> None:
    page = pages([wheel()], FACTS, TEMPLATES)["index.html"]
    cells = re.findall(r"<t[hd](?: scope=\"row\")? class=(\w+)>", page)
    assert len(cells) == len(set(cells)) == page.count('scope="col"')
    script, style = ((SITE / name).read_text(encoding="utf-8") for name in ("site.js", "site.css"))
    named = {*re.findall(r"\bsaid\.(\w+)", script), *re.findall(r"\btd\.(\w+)", style)}
    assert named <= set(cells)


def test_an_index_of_nothing_says_so() -> None:
    made = pages([], FACTS, TEMPLATES)
    assert set(made) == {"index.html", "wheels.json", "rules.json", "status.html", "status.json"}
    assert "No wheel has been published yet" in made["index.html"]
    assert json.loads(made["wheels.json"]) == {"schema": 1, "wheels": []}


def test_newest_torch_comes_first() -> None:
    groups = by_toolkit([wheel(torch="2.9"), wheel(torch="2.10"), wheel(torch="2.11", profile="smoke")])
    assert [group.torch for group in groups] == ["2.10", "2.9", "2.11"]


def test_four_thousand_wheels_take_less_than_two_seconds() -> None:
    wheels = many(4000)
    start = time.process_time()
    made = pages(wheels, FACTS, TEMPLATES)
    taken = time.process_time() - start
    assert taken < 2, f"{taken:.2f} s"
    assert made["wheels.json"].count("\n") == 4002


def test_losses_name_what_would_go_and_what_would_change() -> None:
    kept, gone, other = wheel(), wheel(python="3.11"), wheel(python="3.12")
    changed = replace(other, sha256="0" * 64)
    assert losses([kept, gone, other], [kept, changed, wheel(python="3.13")]) == (
        f"{gone.filename} would go",
        f"{other.filename} would be another file, sha256 {'0' * 64} instead of {other.sha256}",
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(many(20)), unique=True), st.lists(st.sampled_from(many(20)), unique=True))
def test_an_index_that_only_grows_loses_nothing(before: list[Published], more: list[Published]) -> None:
    assert losses(before, [*more, *before]) == ()
    assert len(losses(before, more)) == len(set(before) - set(more))
