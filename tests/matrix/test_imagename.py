from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factory.matrix.imagename import ImageName

SHA = "sha256:" + "0123456789abcdef" * 4

WORDS = st.from_regex(r"\A[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,6}){0,2}\Z")
REGISTRIES = st.sampled_from(
    ["docker.io", "quay.io", "localhost", "localhost:5000", "127.0.0.1:80", "Upper", "a-b.c:1"]
)
NAMES = st.builds(
    lambda registry, words, tag, digest: ImageName(
        registry=registry,
        repository="/".join(["library", *words] if registry == "docker.io" and len(words) == 1 else words),
        tag=tag if tag or digest else "latest",
        digest=digest,
    ),
    REGISTRIES,
    st.lists(WORDS, min_size=1, max_size=4),
    st.none() | st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z"),
    st.none() | st.from_regex(r"\Asha256:[0-9a-f]{64}\Z"),
)


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        (
            "docker.io/pytorch/manylinux2_28-builder:cuda12.4",
            *("docker.io", "pytorch/manylinux2_28-builder", "cuda12.4", None),
        ),
        ("nvidia/cuda:12.4.1", "docker.io", "nvidia/cuda", "12.4.1", None),
        ("debian", "docker.io", "library/debian", "latest", None),
        ("docker.io/debian:12", "docker.io", "library/debian", "12", None),
        (
            "quay.io/pypa/manylinux_2_28_x86_64:2026.11.1-1",
            "quay.io",
            "pypa/manylinux_2_28_x86_64",
            "2026.11.1-1",
            None,
        ),
        ("quay.io/one:x", "quay.io", "one", "x", None),
        ("localhost/cuda-builder:12.4", "localhost", "cuda-builder", "12.4", None),
        ("localhost:5000/x:y", "localhost:5000", "x", "y", None),
        ("x:5000", "docker.io", "library/x", "5000", None),
        (f"ghcr.io/a/b@{SHA}", "ghcr.io", "a/b", None, SHA),
        (f"ghcr.io/a/b:c@{SHA}", "ghcr.io", "a/b", "c", SHA),
    ],
)
def test_names_are_read_as_engines_read_them(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    name = ImageName.parse(text)
    assert name == ImageName(registry=registry, repository=repository, tag=tag, digest=digest)
    assert name.reference == (digest or tag)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " debian",
        "debian ",
        "debian\n",
        "Debian",
        "a//b",
        "/a",
        "a/",
        "a:",
        "a:b:c",
        "a:.b",
        "a@sha256:12",
        f"a@sha512:{'0' * 128}",
        f"a@{SHA.upper()}",
        "quay.io/A/b",
        "a..b",
        "a___b",
        "-a.b/c",
        "https://quay.io/a/b",
        "user@quay.io/a",
        "quay.io:x/a",
        "quay.io/../a",
        "a:" + "t" * 129,
        "é",
        "٣",  # a digit, but not an ASCII one
        "/".join(["abcdefghi"] * 26),
    ],
)
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an image such as|has more than 255"):
        ImageName.parse(text)


@given(NAMES)
def test_a_name_spelled_out_is_the_same_name(name: ImageName) -> None:
    assert ImageName.parse(str(name)) == name


@given(st.text(alphabet="aA0.-_:/@٣ \n%?#", max_size=20))
@example("A/a")
def test_whatever_is_typed_is_refused_or_safe_in_an_address(text: str) -> None:
    with contextlib.suppress(ValueError):
        name = ImageName.parse(text)
        assert ImageName.parse(str(name)) == name
        assert not set(str(name)) & set(" \n%?#٣")
        assert ".." not in str(name.repository)


@pytest.mark.parametrize(
    ("text", "local"), [("localhost/a:b", True), ("localhost:5000/a:b", False), ("localhost.org/a:b", False)]
)
def test_local_are_those_the_engine_made(text: str, local: bool) -> None:  # noqa: FBT001 - a parameter
    assert ImageName.parse(text).local == local
