from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import DigestError, NoWheelError, SelectorError
from factory.github.attestation import Attested
from factory.index import download
from factory.index.download import Edges
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import Environment, Probed
from factory.matrix import selector
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from tests.frozen import MATRIX
from tests.samplewheels import GUIDE, wheel

RULES = load_matrix(MATRIX.read_bytes())
GUIDES = wheel()
HERE = Environment(
    python="3.10", torch="2.6", cuda="12.4", cxx11abi=False, machine="x86_64", glibc="2.36", gpus=("9.0",), driver=550
)
MACHINE = Probed(environment=HERE, torch_version="2.6.0+cu124", trouble="")


class Outside:
    """What the verb asks of the outside, and what it said."""

    def __init__(self, *, found: Probed = MACHINE, attested: Attested | None = None) -> None:
        self.found = found
        self.attested = attested or Attested(ok=True, said="verified by attestation")
        self.said: list[str] = []
        self.fetched: list[tuple[str, str]] = []

    @property
    def edges(self) -> Edges:
        return Edges(
            python=lambda: Path("/usr/bin/python3"),
            here=lambda _: self.found,
            fetch=self.fetch,
            attest=self.attest,
            say=self.said.append,
        )

    def fetch(self, wheel: Published, target: Path) -> None:
        self.fetched.append((wheel.url, wheel.sha256))
        target.write_bytes(b"wheel")

    def attest(self, file: Path, _: str) -> Attested:
        assert file.is_file()
        return self.attested


class Forged(Outside):
    def attest(self, file: Path, _: str) -> Attested:
        raise DigestError(f"{file.name} has no attestation")


def fetched(outside: Outside, into: Path, published: Published = GUIDES) -> Path:
    return download.download(HERE, [published], matrix=RULES, into=into, edges=outside.edges)


def test_without_a_token_it_is_this_machine() -> None:
    outside = Outside()
    assert download.environment([], "full", outside.edges, RULES) == HERE
    assert outside.said == [
        (
            "here: /usr/bin/python3 is Python 3.10, torch 2.6.0+cu124 (CUDA 12.4, cxx11abiFALSE), glibc 2.36, "
            "GPU 9.0, driver 550"
        )
    ]


def test_a_flash_attn_version_alone_is_still_this_machine() -> None:
    assert download.environment(["fa2.7.4.post1"], "full", Outside().edges, RULES).flash_attn == "2.7.4.post1"
    assert download.environment(["fa2.7.4.post1"], "full", Outside().edges, RULES).python == "3.10"


def test_a_torch_before_its_release_is_cautioned() -> None:
    outside = Outside(found=replace(MACHINE, caution="torch 2.9.0a0 is a pre-release"))
    assert download.environment([], "full", outside.edges, RULES) == HERE
    assert outside.said[1:] == ["caution: torch 2.9.0a0 is a pre-release"]


def test_tokens_are_not_mixed_with_this_machine() -> None:
    outside = Outside(found=Probed(environment=Environment(), torch_version="", trouble="no torch"))
    asked = download.environment(["cu124", "torch2.6", "cp310"], "smoke", outside.edges, RULES)
    assert asked == Environment(python="3.10", torch="2.6", cuda="12.4", profile="smoke", flash_attn="2.7.4.post1")
    assert not outside.said


@pytest.mark.parametrize(
    "words", ["cu124 torch2.6 cp310", "cu130 torch2.9 cp312", "cu126 torch2.6 cp310 fa2.8.3.post2"]
)
def test_the_same_words_mean_the_same_flash_attn_as_they_do_to_build(words: str) -> None:
    built = selector.select(expand(RULES), selector.parse(words.split(), RULES))
    asked = download.environment([words], "full", Outside().edges, RULES)
    assert {row.cell.flash_attn for row in built} == {asked.flash_attn}


def test_a_torch_that_the_matrix_does_not_know_has_no_usual_flash_attn() -> None:
    assert download.environment(["torch2.99"], "full", Outside().edges, RULES).flash_attn is None


def test_a_machine_without_torch_is_told_what_to_do() -> None:
    outside = Outside(found=Probed(environment=Environment(), torch_version="", trouble="torch cannot be imported"))
    with pytest.raises(NoWheelError) as caught:
        download.environment([], "full", outside.edges, RULES)
    assert caught.value.why == ("/usr/bin/python3: torch cannot be imported",)
    assert "cu124 torch2.6 cp310" in caught.value.remedy


def test_an_unknown_token_is_a_selector_error() -> None:
    with pytest.raises(SelectorError, match=r"cuda12\.4 is no token"):
        download.environment(["cuda12.4"], "full", Outside().edges, RULES)


def test_the_wheel_is_fetched_and_how_it_was_verified_is_said(tmp_path: Path) -> None:
    outside = Outside(attested=Attested(ok=False, said="not verified by attestation: gh is not here"))
    one = wheel()
    assert fetched(outside, tmp_path) == tmp_path / GUIDE
    assert outside.fetched == [(one.url, one.sha256)]
    tested = "tested on NVIDIA H100 80GB HBM3"
    assert outside.said == [
        f"{GUIDE}: {one.size / 1e6:.1f} MB, sm_80 sm_90, glibc 2.28 or newer, {tested}, 2026-11-22",
        f"verified by sha256 {one.sha256}",
        "not verified by attestation: gh is not here",
        f"install it: pip install --no-cache-dir '{tmp_path / GUIDE}'",
        f"or from its address: uv pip install '{one.url}#sha256={one.sha256}'",
    ]


def test_what_has_no_attestation_that_holds_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(DigestError, match="has no attestation"):
        fetched(Forged(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_no_wheel_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(NoWheelError, match="no published wheel fits"):
        fetched(Outside(), tmp_path, wheel(python="3.11"))
    assert not list(tmp_path.iterdir())
