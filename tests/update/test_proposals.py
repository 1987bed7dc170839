"""The proposals, put into a matrix.yaml as they say, are what the matrix takes and what it refuses."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from factory.errors import MatrixError
from factory.matrix.imagename import ImageName
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from factory.update import actions, flashattn, images, locked, torch
from factory.update.actions import Action, Tag
from factory.update.ledger import Issue, duplicates, holder
from factory.update.listing import IndexFile, news, sdists, wheels
from factory.update.metadata import Needs, needs
from factory.update.proposal import CHECK, Proposal, keys_in, mark
from factory.update.torch import TorchRelease
from tests.frozen import MATRIX

TEXT = MATRIX.read_text(encoding="utf-8")
RULES: Matrix = load_matrix(TEXT)
SHA256 = "ab" * 32
DIGEST = f"sha256:{SHA256}"
COMMIT = "c0" * 20
PUBLISHED = datetime(2026, 11, 1, tzinfo=UTC)
PINNED = Action(name="actions/cache/save", version="v6.1.0", commit="d1" * 20)
VERSIONS = st.builds("{}.{}.{}".format, st.integers(1, 3), st.integers(0, 4), st.integers(0, 2)).map(Version)


def file(name: str, **more: object) -> IndexFile:
    return IndexFile(**{"name": name, "url": f"https://example.org/{name}", "sha256": SHA256, **more})  # type: ignore[arg-type]


def under(text: str, key: str, added: str) -> str:
    assert text.count(f"\n{key}:\n") == 1
    return text.replace(f"\n{key}:\n", f"\n{key}:\n{added}", 1)


def complaints(text: str) -> list[str]:
    with pytest.raises(MatrixError) as caught:
        load_matrix(text)
    return [line.split(": ", 1)[1] for line in caught.value.why]


def line_of(proposal: Proposal, place: str) -> str:
    (found,) = (lines.text for lines in proposal.lines if place in lines.place)
    return found


@pytest.mark.parametrize(
    ("published", "known", "new"),
    [
        ("2.8.3.post2 2.8.4", "2.8.3.post2", "2.8.4"),
        ("2.8.3 2.8.3.post1 2.7.4.post1", "2.8.3.post2 2.7.4.post1", ""),
        ("2.7.4.post2", "2.7.4.post1 2.8.3", "2.7.4.post2"),
        ("2.3.1 2.9.0 2.10.0 2.10.1", "2.4.1 2.9.1", "2.10.1"),
        ("2.6.3 3.0.0", "2.7.4 2.8.3", "3.0.0"),
    ],
)
def test_what_is_new(published: str, known: str, new: str) -> None:
    found = news(map(Version, published.split()), map(Version, known.split()))
    assert " ".join(map(str, found)) == new


@given(st.sets(VERSIONS), st.sets(VERSIONS, min_size=1))
def test_what_was_taken_in_is_new_no_more(published: set[Version], known: set[Version]) -> None:
    found = news(published, known)
    assert not set(found) & known
    assert news(published, known | set(found)) == ()


def test_only_finished_sdists_count() -> None:
    names = [
        "flash_attn-2.9.0.tar.gz",
        "flash_attn-2.9.1rc1.tar.gz",
        "flash_attn-2.9.2.dev3.tar.gz",
        "flash_attn-x.tar.gz",
    ]
    others = ["flash_attn-2.9.0-cp312-cp312-linux_x86_64.whl", "flash_attn_4-4.0.0.tar.gz", "`-2.9.9.tar.gz"]
    files = [
        *map(file, [*names, *others]),
        file("flash_attn-2.9.3.tar.gz", yanked=True),
        file("flash-attn-2.9.0.post1.tar.gz"),
    ]
    assert sorted(map(str, sdists(files, "flash-attn"))) == ["2.9.0", "2.9.0.post1"]


def test_only_finished_wheels_for_linux_count() -> None:
    tags = {
        "cp312-cp312-manylinux_2_28_x86_64": "3.12",
        "cp314-cp314t-manylinux_2_28_x86_64": "3.14t",
        "cp38-cp38-manylinux1_x86_64": "3.8",
        "cp312-cp312-manylinux_2_28_aarch64": None,
        "cp312-cp312-win_amd64": None,
        "cp312-none-macosx_11_0_arm64": None,
    }
    files = [file(f"torch-2.16.0-{tag}.whl") for tag in tags]
    more = [
        file("torch-2.16.1-cp312-cp312-linux_x86_64.whl", yanked=True),
        file("torch-2.17.0rc1-cp312-cp312-linux_x86_64.whl"),
    ]
    assert [wheel.python for wheel in wheels([*files, *more])] == [python for python in tags.values() if python]


@pytest.mark.parametrize(
    ("requirement", "cuda", "asked"),
    [
        (
            'nvidia-cuda-runtime-cu12 (==12.4.127) ; platform_system == "Linux"',
            "12.4",
            "nvidia-cuda-runtime-cu12==12.4.127",
        ),
        ('cuda-toolkit[cublas,cudart]==13.2.2; platform_system == "Linux"', "13.2", "cuda-toolkit==13.2.2"),
        ('cuda-toolkit==13.2.2; platform_system == "Windows"', None, None),
        ("cuda-toolkit>=13.2.2", None, None),
        ("nvidia-cuda-runtime==13.0.96", "13.0", "nvidia-cuda-runtime==13.0.96"),
        ("no requirement at all !", None, None),
    ],
)
def test_the_cuda_of_a_build_is_what_it_asks_for(requirement: str, cuda: str | None, asked: str | None) -> None:
    text = (
        f"Metadata-Version: 2.4\nName: torch\nVersion: 2.16.0\nRequires-Python: >=3.11\nRequires-Dist: {requirement}\n"
    )
    read = needs(f'{text}Requires-Dist: setuptools<90,>=77; python_version >= "3.12"\n', python="3.13")
    assert read == Needs(cuda=cuda, asked_cuda=asked, setuptools="<90,>=77", requires_python=">=3.11")
    assert needs(f'{text}Requires-Dist: setuptools; python_version >= "3.12"\n', python="3.11").setuptools is None


def test_metadata_that_is_none_says_nothing() -> None:
    assert needs("<html>", python="3.13") == Needs(cuda=None, asked_cuda=None, setuptools=None, requires_python=None)


def test_a_new_flash_attn_is_proposed_and_refused_until_it_is_looked_up() -> None:
    (proposal,) = flashattn.proposals(RULES, [file("flash_attn-2.8.4.tar.gz"), file("flash_attn-2.8.3.post2.tar.gz")])
    assert proposal.key == "flash-attn 2.8.4"
    row = line_of(proposal, "under `flash_attn`")
    refused = [line.partition(": ")[0] for line in complaints(under(TEXT, "flash_attn", row))]
    assert refused == ["flash_attn.2.8.4.torch", "flash_attn.2.8.4.leave_out"]
    looked_up = row.replace("torch: CHECK", "torch: [2.7, 2.15]").replace("leave_out: CHECK", "leave_out: []")
    text = under(TEXT, "flash_attn", looked_up).replace(
        "\n    flash_attn: [2.8.3.post2]\n    cuda: {13.2", f"\n{line_of(proposal, 'wheels')}    cuda: {{13.2"
    )
    made = load_matrix(text)
    assert made.flash_attn["2.8.4"].sha256 == SHA256
    assert made.choices["2.15"].flash_attn == ("2.8.4",)


def test_a_hash_the_index_does_not_give_is_not_invented() -> None:
    (proposal,) = flashattn.proposals(RULES, [file("flash_attn-2.8.4.tar.gz", sha256=None)])
    assert any(
        "flash_attn.2.8.4.sha256" in line
        for line in complaints(under(TEXT, "flash_attn", line_of(proposal, "under `flash_attn`")))
    )
    assert "The sha256 of `flash_attn-2.8.4.tar.gz`." in proposal.checks


NEW = TorchRelease(
    version=Version("2.16.0"),
    pythons=("3.12", "3.13", "3.14", "3.15", "3.14t"),
    read="torch-2.16.0-cp314-cp314-manylinux_2_28_x86_64.whl",
    needs=Needs(cuda="13.2", asked_cuda="cuda-toolkit==13.2.3", setuptools=">=80", requires_python=">=3.12"),
    elsewhere=("https://download.pytorch.org/whl/cu130",),
    silent=("https://download.pytorch.org/whl/cu126",),
)


def with_torch(proposal: Proposal, *, looked_up: bool) -> str:
    """Do what the proposal says."""
    text = under(
        under(TEXT, "torch", line_of(proposal, "under `torch`")), "wheels", line_of(proposal, "under `wheels`")
    )
    text = re.sub(r"(?<=c340b\n)    torch: .*\n", line_of(proposal, "under `flash_attn`"), text)
    for line in line_of(proposal, "under `python`").splitlines():
        text = re.sub(rf"^{re.escape(line.partition(':')[0])}: .*$", line, text, flags=re.MULTILINE)
    for key, value in {"cxx_standard": "20", "abi": "true", "13.2": "true"}.items():
        text = text.replace(f"{key}: {CHECK}", f"{key}: {value}") if looked_up else text
    return text


def test_a_new_torch_is_proposed_and_refused_until_it_is_looked_up() -> None:
    proposal = torch.proposal(RULES, NEW)
    assert proposal.key == "torch 2.16.0"
    refused = {line.partition(": ")[0] for line in complaints(with_torch(proposal, looked_up=False))}
    assert refused == {
        *(f"torch.2.16.{key}" for key in ("cxx_standard", "builds.13.0.abi", "builds.13.2.abi")),
        "wheels.2.16.cuda.13.2",
    }
    made = load_matrix(with_torch(proposal, looked_up=True))
    row = made.torch["2.16"]
    assert (row.release, row.setuptools, made.choices["2.16"].pythons) == ("2.16.0", ">=80", ("3.12", "3.13", "3.14"))
    assert [(build.cuda, build.index_url) for build in row.builds] == [("13.0", NEW.elsewhere[0]), ("13.2", None)]
    assert row.builds[0].pythons == ("3.12", "3.13", "3.14")
    body = proposal.body
    assert "Python 3.15, 3.14t" in body
    assert "not reached now: https://download.pytorch.org/whl/cu126" in body


def test_a_torch_whose_metadata_is_not_to_be_had_is_proposed_without_what_it_says() -> None:
    proposal = torch.proposal(RULES, replace(NEW, needs=None, elsewhere=()))
    refused = {line.partition(": ")[0] for line in complaints(with_torch(proposal, looked_up=False))}
    assert {"torch.2.16.setuptools", "torch.2.16.builds", "wheels.2.16.cuda"} <= refused
    assert any("torch.version.cuda" in line for line in proposal.checks)


def test_an_unknown_cuda_is_refused_by_the_matrix() -> None:
    told = replace(
        NEW, needs=Needs(cuda="13.9", asked_cuda="cuda-toolkit==13.9.0", setuptools=">=80", requires_python=None)
    )
    text = with_torch(torch.proposal(RULES, told), looked_up=True).replace(f"13.9: {CHECK}", "13.9: true")
    assert any("unknown CUDA 13.9" in line for line in complaints(text))


def test_a_patch_release_changes_one_line() -> None:
    release = replace(NEW, version=Version("2.15.7"), pythons=("3.12", "3.13", "3.14"))
    proposal = torch.proposal(RULES, release)
    made = load_matrix(TEXT.replace("    release: 2.15.0\n", line_of(proposal, "in place of its `release` line")))
    assert made.torch["2.15"].release == "2.15.7"
    assert any("no wheel for Python 3.11" in line for line in proposal.checks)
    assert not any("default build" in line for line in proposal.checks)


def test_the_wheel_of_the_newest_known_python_is_read() -> None:
    found = torch.pythons_of(
        Version("2.16.0"),
        wheels(
            file(f"torch-2.16.0-{tag}-manylinux_2_28_x86_64.whl")
            for tag in ("cp315-cp315", "cp314-cp314t", "cp39-cp39", "cp314-cp314")
        ),
    )
    assert list(found) == ["3.9", "3.14", "3.15", "3.14t"]
    assert torch.most_telling(RULES, found).python == "3.14"
    assert torch.most_telling(RULES, {"3.15": found["3.15"]}).python == "3.15"


def test_images_are_pinned_together_and_anew_when_one_moves() -> None:
    (first,) = images.moved(RULES, {"12.4": DIGEST, "13.0": DIGEST})
    (second,) = images.moved(RULES, {"12.4": DIGEST, "13.0": DIGEST.replace("ab", "cd")})
    assert first.key != second.key
    pinned = TEXT
    for lines in first.lines:
        cuda = lines.place.split("`")[3]
        place = f"cuda{cuda}\n"
        assert lines.text.strip() == f"digest: {DIGEST}"
        pinned = pinned.replace(f"{place}      digest: null\n", f"{place}{lines.text}")
    assert images.moved(load_matrix(pinned), {"12.4": DIGEST, "13.0": DIGEST}) == ()


def test_an_image_of_a_newer_cuda_is_proposed_and_refused_until_it_is_looked_up() -> None:
    (family,) = images.families(RULES)
    tags = ["cuda12.4", "cuda13.2", "cuda13.4", "cuda14.0", "cuda13.1", "cuda13.4-abc", "cpu", "xcuda13.6"]
    newer = family.newer(tags, RULES.toolkits)
    assert {cuda: image.tag for cuda, image in newer.items()} == {"13.4": "cuda13.4", "14.0": "cuda14.0"}
    proposal = images.newer(RULES, "13.4", family, newer["13.4"], DIGEST)
    text = under(TEXT, "cuda", line_of(proposal, "under `cuda`"))
    refused = [line.partition(": ")[0] for line in complaints(text)]
    assert refused == [f"cuda.13.4.{key}" for key in ("targets", "newest_gcc", "archs")]
    for key, value in {"targets": "[8.0]", "newest_gcc": "16", "archs": "[8.0]"}.items():
        text = text.replace(f"{key}: {CHECK}", f"{key}: {value}")
    made = load_matrix(text).toolkits["13.4"]
    assert (made.minimum_driver, made.image and made.image.digest) == (580, DIGEST)
    assert made.compression == RULES.toolkits["13.2"].compression == "balance"
    assert f"minimum_driver: {CHECK}" in images.newer(RULES, "14.0", family, newer["14.0"], None).body


def test_images_nobody_serves_are_not_asked_for() -> None:
    text = re.sub(r"docker\.io/\S+", "localhost/builder:cuda12.4", TEXT)
    assert images.tagged(load_matrix(text)) == {}
    nameless = re.sub(r"docker\.io/\S+", "quay.io/team/image:latest", TEXT)
    assert images.families(load_matrix(nameless)) == ()
    assert set(images.tagged(load_matrix(nameless)).values()) == {ImageName.parse("quay.io/team/image:latest")}


def test_the_pins_of_workflows_are_read() -> None:
    text = f"""\
      - uses: actions/cache/save@{COMMIT} # v6.1.0
        uses: actions/checkout@{COMMIT}  # v7
      - uses: ./.github/actions/nox
      - uses: actions/setup-python@{COMMIT}
      # uses: actions/nothing@{COMMIT} # v1
    """
    assert actions.pins(text) == (
        Action(name="actions/cache/save", version="v6.1.0", commit=COMMIT),
        Action(name="actions/checkout", version="v7", commit=COMMIT),
    )


def test_a_newer_action_is_proposed_for_all_of_its_repository() -> None:
    other = replace(PINNED, name="actions/cache/restore")
    proposal = actions.proposal([PINNED, other], Tag(name="v6.2.0", commit=COMMIT, published=PUBLISHED))
    assert proposal is not None
    assert proposal.key == "action actions/cache v6.2.0"
    assert actions.pins(line_of(proposal, ".github")) == tuple(
        Action(name=pin.name, version="v6.2.0", commit=COMMIT) for pin in (PINNED, other)
    )
    rows = tomllib.loads(line_of(proposal, "actions.toml"))["actions"]
    assert [(row["name"], row["commit"]) for row in rows] == [(pin.name, COMMIT) for pin in (PINNED, other)]


@pytest.mark.parametrize("tag", ["v6.1.0", "v6.1", "v5.9.9"])
def test_an_action_that_is_not_newer_is_not_proposed(tag: str) -> None:
    assert actions.proposal([PINNED], Tag(name=tag, commit=COMMIT, published=PUBLISHED)) is None


@pytest.mark.parametrize("tag", ["codeql-bundle-v2", "v7.0.0-beta", "latest", "v7 # x"])
def test_a_tag_that_is_no_version_is_not_compared(tag: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        actions.proposal([PINNED], Tag(name=tag, commit=COMMIT, published=PUBLISHED))


PLAIN = Proposal(subject="torch", version="2.16.0", title="t", found=("seen",), lines=(), checks=())


def test_an_issue_says_what_it_is_about() -> None:
    assert keys_in(f"words\r\n{PLAIN.body}") == ("torch 2.16.0",)
    assert keys_in(PLAIN.body.replace("\n", "\r\n")) == ("torch 2.16.0",)
    assert keys_in("torch 2.16.0") == ()


def issue(number: int, *keys: str, opened: bool = True, trusted: bool = True) -> Issue:
    return Issue(number=number, open=opened, keys=keys, trusted=trusted)


def test_what_has_an_issue_gets_no_other() -> None:
    held = issue(3, "torch 2.16.0", opened=False)
    assert holder(PLAIN, [issue(5, "torch 2.16.0"), held, issue(2, "torch 2.16.1")]) == held
    assert holder(PLAIN, [issue(3, "torch 2.16.0", trusted=False), issue(4)]) is None


def test_what_moves_often_waits_for_the_open_issue() -> None:
    rolling = replace(PLAIN, subject="image digests", version="b", alone=True)
    assert holder(rolling, [issue(3, "image digests a")]) is not None
    assert holder(rolling, [issue(3, "image digests a", opened=False)]) is None
    assert holder(replace(rolling, alone=False), [issue(3, "image digests a")]) is None


def test_of_two_the_younger_is_closed_by_whoever_opened_it() -> None:
    both = [issue(7, "a 1"), issue(4, "a 1"), issue(5, "b 1"), issue(2, "a 1", trusted=False)]
    assert duplicates(both, {7, 5}) == {7: 4}
    assert duplicates(both, {4}) == {}
    assert duplicates([issue(7, "a 1", opened=False), issue(4, "a 1")], {7}) == {}


@given(st.from_regex(r"[A-Za-z0-9./:_-]+( [A-Za-z0-9./:_-]+){0,2}", fullmatch=True))
def test_every_key_is_found_again(key: str) -> None:
    assert keys_in(mark(key)) == (key,)


# Lock files

LOCKED = {
    "nox.txt": "nox==2026.10.20 ; sys_platform == 'linux' \\\n    --hash=sha256:ab\nuv==0.13.9 \\\n",
    "docs.txt": "sphinx==9.0.4 ; python_full_version < '3.12' \\\nsphinx==9.1.1 ; python_full_version >= '3.12' \\\n",
}


def resolved(**changed: str) -> dict[str, str]:
    def now(pin: re.Match[str]) -> str:
        return f"{pin[1]}=={changed.get(pin[1], pin[2])}"

    return {name: re.sub(r"^([a-z]+)==(\S+)", now, text, flags=re.MULTILINE) for name, text in LOCKED.items()}


def test_what_locks_would_hold_by_now_is_proposed_in_one_issue() -> None:
    proposal = locked.proposal(LOCKED, resolved(nox="2026.11.2", sphinx="9.10.0"), 7)
    assert proposal is not None
    assert proposal.title == "2 packages of the lock files can be renewed"
    assert proposal.found == ("nox 2026.11.2, locked is 2026.10.20", "sphinx 9.10.0, locked is 9.1.1")
    assert "```sh\nnox -s lock\n```" in proposal.body
    again = locked.proposal(LOCKED, resolved(nox="2026.11.2", sphinx="9.10.0"), 7)
    later = locked.proposal(LOCKED, resolved(nox="2026.11.3"), 7)
    assert (again, later) != (None, None)
    assert again is not None
    assert again.key == proposal.key
    assert later is not None
    assert later.key != proposal.key
    assert later.alone


@pytest.mark.parametrize("changed", [{}, {"uv": "0.13.8"}, {"sphinx": "9.0.5"}])
def test_locks_that_hold_nothing_older_are_left(changed: dict[str, str]) -> None:
    assert locked.proposal(LOCKED, resolved(**changed), 7) is None


def test_a_lock_of_a_torch_that_is_new_is_no_newer_package() -> None:
    assert locked.proposal(LOCKED, {**LOCKED, "torch-2.16.0-cu132.txt": "torch==2.16.0 \\\n"}, 7) is None
