"""Against a GitHub on this machine that is held to GitHub's own description."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import random
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from factory.audit.report import Finding
from factory.errors import DigestError, GateError, PublishError
from factory.matrix.model import Matrix
from factory.pool import archive as poolarchive
from factory.pool.store import Pool
from factory.publish import checksums, pools
from factory.publish.parts import Sent
from factory.publish.publish import Means, publish, publish_pools
from tests.githubserver import (
    FAULTS_OF_ANY,
    FAULTS_OF_UPLOADS,
    STALLS,
    STALLS_OF_UPLOADS,
    GithubServer,
)
from tests.githubstore import StoredRelease
from tests.kernelsets import fill, kernel_set
from tests.publishing import (
    NEW_STRING,
    TAG,
    TESTED,
    UNTESTED,
    beside,
    finished,
    installed,
    make_wheel,
    parts_of,
    policy,
    report_of,
    repository,
    verdict_of,
    wheel_name,
)
from tests.wheelmaker import CHECK_SYMBOL, MODULE, OLD_STRING

SCHEDULES = 200


def published(
    server: GithubServer,
    *wheels: Path,
    matrix: Matrix = UNTESTED,
    tries: int = 8,
    say: Callable[[str], object] = str,
    silence: float = 0.3,
) -> tuple[Sent, ...]:
    github = repository(server, silence=silence)
    try:
        return publish(
            wheels,
            matrix=matrix,
            means=Means(installed=installed, github=github, say=say, policy=policy(server, tries=tries)),
        )[0]
    finally:
        github.close()


def rehearsed(server: GithubServer, *wheels: Path) -> list[str]:
    lines: list[str] = []
    github = repository(server)
    means = Means(installed=installed, github=github, say=lines.append, policy=policy(server), dry_run=True)
    assert publish(wheels, matrix=UNTESTED, means=means) == ((), ())
    github.close()
    return [line.removeprefix("publish (dry run): ") for line in lines]


def expected(*wheels: Path) -> dict[str, bytes]:
    files = [file for wheel in wheels for file in wheel.parent.glob(f"{wheel.name}*") if not file.name.endswith(".tmp")]
    return {file.name: file.read_bytes() for file in files}


def assert_complete(server: GithubServer, *wheels: Path) -> StoredRelease:
    release = server.public(TAG)
    there = release.contents()
    wanted = expected(*wheels)
    assert {name: there.get(name) for name in wanted} == wanted
    sums = "".join(there[name].decode() for name in sorted(there) if name.startswith("SHA256SUMS"))
    assert dict(line.split("  ")[::-1] for line in sums.splitlines()) == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in there.items()
        if not name.startswith("SHA256SUMS")
    }
    assert len(sums.splitlines()) == len(set(sums.splitlines()))
    assert not [one for one in server.releases.values() if one is not release and one.assets]
    return release


def writes(server: GithubServer) -> list[tuple[str, str]]:
    return [request for request in server.requests if request[0] != "GET"]


def test_a_release_holds_the_wheel_under_the_guide_s_name_and_all_that_belongs_to_it(
    server: GithubServer, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path, tested=True)
    (sent,) = published(server, wheel)
    assert (sent.tag, sent.there) == (TAG, ())
    release = assert_complete(server, wheel)
    assert set(release.contents()) == {
        "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl",
        f"{wheel.name}.metadata",
        f"{wheel.name}.report.json",
        f"{wheel.name}.verdict.json",
        "SHA256SUMS",
        "flash_attn-2.7.4.post1.cdx.json",
    }
    assert {file.name for file in sent.new} == set(release.contents())
    assert release.named(f"{wheel.name}.metadata").content.startswith(b"Metadata-Version: 2.1\n")
    assert f"[3.10](https://github.com/someone/wheels/releases/download/{TAG}/flash_attn-2.7.4.post1%2B" in release.body
    assert "untested" not in release.body


def test_the_sums_are_what_sha256sum_reads(server: GithubServer, tmp_path: Path) -> None:
    published(server, make_wheel(tmp_path))
    for name, content in server.public(TAG).contents().items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, check=False)  # noqa: S607
    assert done.returncode == 0


def test_publishing_again_changes_nothing(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    (first,) = published(server, wheel)
    before = server.public(TAG).plain("")
    server.requests.clear()
    (second,) = published(server, wheel)
    assert writes(server) == []
    assert server.public(TAG).plain("") == before
    assert second.new == ()
    assert set(second.there) < set(first.new)


def test_another_file_of_a_published_name_is_an_error_and_nothing_is_sent(server: GithubServer, tmp_path: Path) -> None:
    published(server, make_wheel(tmp_path))
    before = server.public(TAG).contents()
    server.requests.clear()
    more = make_wheel(tmp_path, wheel_name("311"))
    with pytest.raises(PublishError) as caught:
        published(server, make_wheel(tmp_path, strings=("another",)), more)
    assert len(caught.value.why) == 2  # the wheel and its report
    assert all(wheel_name() in line for line in caught.value.why)
    assert server.public(TAG).contents() == before
    assert writes(server) == []


def test_wheels_come_to_a_published_release_with_lists_of_their_own(server: GithubServer, tmp_path: Path) -> None:
    first, second = make_wheel(tmp_path), make_wheel(tmp_path, wheel_name("311"))
    published(server, first)
    before = server.public(TAG).contents()
    published(server, second)
    release = assert_complete(server, first, second)
    assert {name: release.contents()[name] for name in before} == before
    assert {"SHA256SUMS.2", "flash_attn-2.7.4.post1.2.cdx.json"} <= set(release.contents())
    assert release.body.count("| 12 | 2.6 | FALSE | full | [3.10](") == 1
    assert release.body.count(" [3.11](") == 1


def test_what_a_person_wrote_into_the_release_stays(server: GithubServer, tmp_path: Path) -> None:
    server.add(TAG, draft=False, body="Read this first.")
    published(server, make_wheel(tmp_path))
    release = server.public(TAG)
    release.body += "\nAnd this last."
    published(server, make_wheel(tmp_path, wheel_name("311")))
    assert release.body.startswith("Read this first.\n\n<!--")
    assert release.body.endswith("-->\nAnd this last.")
    assert "[3.11](" in release.body


def test_without_a_gpu_runner_a_wheel_is_marked_untested(server: GithubServer, tmp_path: Path) -> None:
    published(server, make_wheel(tmp_path))
    release = server.public(TAG)
    assert " *untested* |" in release.body
    (wheel, *_) = json.loads(release.named("flash_attn-2.7.4.post1.cdx.json").content)["components"]
    assert wheel["properties"][0] == {"name": "flash-attn-wheel-factory:gpu-test", "value": "untested"}


def test_a_verdict_may_follow_later(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    published(server, wheel)
    beside(wheel, ".verdict.json", verdict_of(wheel).to_json())
    published(server, wheel)
    assert "untested" not in assert_complete(server, wheel).body


def test_the_gates_tell_everything_at_once_and_send_nothing(server: GithubServer, tmp_path: Path) -> None:
    finding = Finding(check="glibc", message="It runs on glibc 2.28.", evidence=("GLIBC_2.34",))
    bare, stale, found, named, smoke, broken = (
        make_wheel(tmp_path, wheel_name(python, torch, local))
        for python, torch, local in (
            ("310", "2.6", ""),
            ("311", "2.6", ""),
            ("312", "2.6", ""),
            ("310", "2.3", ""),
            ("313", "2.6", ".smoke"),
            ("313", "2.6", ""),
        )
    )
    bare.with_name(f"{bare.name}.report.json").unlink()
    beside(stale, ".report.json", report_of(bare).to_json())
    beside(stale, ".verdict.json", verdict_of(bare).to_json())
    beside(found, ".report.json", report_of(found, finding).to_json())
    beside(broken, ".verdict.json", "{}")
    with pytest.raises(GateError) as caught:
        published(server, bare, stale, found, named, smoke, broken, matrix=UNTESTED)
    told = "\n".join(caught.value.why)
    for line in (
        f"{bare.name}: has no audit report",
        f"{stale.name}: its audit report is of another file",
        f"{stale.name}: its verdict is of another file",
        f"{found.name}: did not pass the audit: glibc: It runs on glibc 2.28. Found: GLIBC_2.34",
        f"{named.name}: the matrix has no such wheel to publish",
        f"{smoke.name}: is of profile smoke; the matrix publishes full",
        f"{broken.name}: this is no verdict of the GPU test",
    ):
        assert line in told
    assert server.requests == []


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"fatbins": ("cu124_80", "cu124_80")}, "archs: The GPU code must be for exactly"),
    ({"fatbins": ("cu124_units", "cu124_units")}, "also has compute_89 sm_89 sm_90a"),
    ({"fatbins": ("cu124_80_90", "cu124_80")}, "fatbins: Every translation unit"),
    ({"fatbins": ()}, "holds no GPU code"),
    ({"undefined": (CHECK_SYMBOL[:-2] + "jb", OLD_STRING)}, "torch_symbol: It must call torch's CUDA check"),
    ({"undefined": (CHECK_SYMBOL, NEW_STRING)}, "cxx11abi: The C++ ABI in the symbols"),
    ({"e_machine": 183}, "is for aarch64"),
    ({"needed": ("libc10.so", "libcudart.so.13")}, "needs libcudart.so.13"),
    ({"defined": "PyInit_other"}, "does not define PyInit_flash_attn_2_cuda"),
]


@pytest.mark.parametrize(("binary", "said"), OTHERS)
def test_a_wheel_is_held_to_the_matrix_whatever_the_report_beside_it_says(
    server: GithubServer, tmp_path: Path, binary: dict[str, Any], said: str
) -> None:
    with pytest.raises(GateError) as caught:
        published(server, make_wheel(tmp_path, tested=True, **binary), matrix=TESTED)
    assert any("is not what the matrix asks for" in line and said in line for line in caught.value.why)
    assert server.requests == []


@pytest.mark.parametrize("soabi", ["311", "310t"])
def test_a_module_for_another_python_is_refused(server: GithubServer, tmp_path: Path, soabi: str) -> None:
    parts = replace(parts_of(wheel_name()), module=MODULE.replace("310", soabi))
    with pytest.raises(GateError, match=f"modules are flash_attn_2_cuda.cpython-{soabi}"):
        published(server, finished(parts, tmp_path))


def test_a_report_that_says_other_than_its_wheel_is_refused(server: GithubServer, tmp_path: Path) -> None:
    """It would be published too, and the index would repeat it."""
    wheel = make_wheel(tmp_path)
    report = json.loads(report_of(wheel).to_json())
    report["facts"]["extensions"][0]["archs"].append("sm_100")
    beside(wheel, ".report.json", json.dumps(report))
    with pytest.raises(GateError, match="its audit report says other than the file does: extensions"):
        published(server, wheel)


def test_the_platform_that_a_report_promises_is_held(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, glibc="GLIBC_2.34")
    report = json.loads(report_of(wheel).to_json())
    report["facts"]["expected"]["manylinux"] = "manylinux_2_28"
    beside(wheel, ".report.json", json.dumps(report))
    with pytest.raises(GateError, match="fits manylinux_2_34_x86_64, promised was manylinux_2_28"):
        published(server, wheel)


def test_in_part_the_others_are_published_and_what_may_not_go_is_told(server: GithubServer, tmp_path: Path) -> None:
    good, bare, foreign = (make_wheel(tmp_path, wheel_name(python)) for python in ("310", "311", "312"))
    bare.with_name(f"{bare.name}.report.json").unlink()
    github = repository(server)

    def attest(path: Path) -> None:
        if path == foreign:
            raise DigestError(f"{path.name} has no attestation", why=["HTTP 404"])

    means = Means(installed=installed, github=github, say=str, policy=policy(server), attest=attest, partial=True)
    sent, refused = publish([good, bare, foreign], matrix=UNTESTED, means=means)
    assert refused == (f"{foreign.name} has no attestation; HTTP 404", f"{bare.name}: has no audit report")
    assert [file.name for one in sent for file in one.new if file.name.endswith(".whl")] == [good.name]
    assert_complete(server, good)
    assert not {bare.name, foreign.name} & server.public(TAG).contents().keys()
    with pytest.raises(GateError) as caught:
        publish([bare, foreign], matrix=UNTESTED, means=means)
    assert caught.value.remedy.startswith("Nothing was sent")
    with pytest.raises(GateError):
        publish([good, foreign], matrix=UNTESTED, means=replace(means, partial=False))
    github.close()


def test_with_a_gpu_runner_the_wheel_that_stands_for_its_kernels_needs_a_verdict(
    server: GithubServer, tmp_path: Path
) -> None:
    newest, other = make_wheel(tmp_path, wheel_name("313")), make_wheel(tmp_path, wheel_name("310"))
    with pytest.raises(GateError) as caught:
        published(server, newest, other, matrix=TESTED)
    assert caught.value.why == (
        f"{newest.name}: has no verdict of a GPU test, and the matrix names a GPU runner",
        f"{other.name}: its kernels passed no GPU test: {newest.name} stands for them and has not passed one",
    )
    beside(newest, ".verdict.json", verdict_of(newest).to_json())
    published(server, newest, other, matrix=TESTED)
    assert "[3.10](" in (body := server.public(TAG).body)
    assert body.count("*untested* ") + body.count("*untested* |") >= 1


def test_a_verdict_that_failed_is_refused_without_a_gpu_runner_too(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    failed = replace(verdict_of(wheel), misfits=("the driver is too old",))
    beside(wheel, ".verdict.json", failed.to_json())
    with pytest.raises(GateError, match="did not pass the GPU test: the driver is too old"):
        published(server, wheel)


@pytest.mark.parametrize("wrong", ["failed", "no verdict", "unreadable verdict", "absent", "not attested"])
def test_in_part_too_nothing_of_kernels_that_no_gpu_passed_is_published(
    server: GithubServer, tmp_path: Path, wrong: str
) -> None:
    """As the workflow publishes: what other kernels came to is published, these in no Python."""
    kernels = {tag: make_wheel(tmp_path, wheel_name(tag)) for tag in ("313", "312", "310")}
    name = wheel_name("313", "2.7", abi="TRUE", version="2.8.3.post2")
    good, newest = make_wheel(tmp_path, name, tested=True), kernels["313"]
    failed = replace(verdict_of(newest), misfits=("the driver is too old",)).to_json()
    texts = {"failed": failed, "unreadable verdict": "{}", "not attested": verdict_of(newest).to_json()}
    if wrong in texts:
        beside(newest, ".verdict.json", texts[wrong])
    if wrong == "absent":
        del kernels["313"]

    def attest(path: Path) -> None:
        if (path, wrong) == (newest, "not attested"):
            raise DigestError(f"{path.name} has no attestation")

    github = repository(server)
    means = Means(installed=installed, github=github, say=str, policy=policy(server), attest=attest, partial=True)
    sent, refused = publish([*kernels.values(), good], matrix=TESTED, means=means)
    github.close()
    assert {file.name for one in sent for file in one.new if file.name.endswith(".whl")} == {good.name}
    assert all(any(line.startswith(wheel.name) for line in refused) for wheel in kernels.values())
    assert not [release for release in server.releases.values() if release.tag == TAG]


def test_a_half_uploaded_wheel_of_another_time_is_replaced(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    server.put(server.add(TAG), wheel.name, wheel.read_bytes()[:100], "starter")
    server.sleep(3600)
    published(server, wheel)
    assert_complete(server, wheel)
    assert len(server.releases) == 1


def test_an_upload_that_somebody_else_has_running_is_waited_for(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    running = server.put(server.add(TAG), wheel.name, b"", "starter")
    said: list[str] = []

    def finish(line: str) -> None:
        said.append(line)
        if line.startswith("publish: wait"):
            running.content, running.state = wheel.read_bytes(), "uploaded"

    published(server, wheel, say=finish)
    assert_complete(server, wheel)
    assert running.id in server.public(TAG).assets
    assert f"publish: wait for another upload of {wheel.name}" in said


def test_an_upload_that_never_ends_is_replaced_at_last(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    server.put(server.add(TAG), wheel.name, b"", "starter")
    published(server, wheel)
    assert_complete(server, wheel)


def test_assets_without_a_digest_are_fetched_and_hashed(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    published(server, wheel)
    server.public(TAG).named(wheel.name).says_digest = False
    said: list[str] = []
    published(server, wheel, say=said.append)
    assert said[0] == f"publish: fetching {wheel.name}, whose hash GitHub does not say"
    server.public(TAG).named(wheel.name).content += b"."
    with pytest.raises(PublishError, match="published with sha256"):
        published(server, wheel)


def test_more_assets_than_a_page_holds_are_all_seen(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    release = server.add(TAG)
    for number in range(230):
        server.put(release, f"other-{number}", b"x")
    published(server, wheel)
    server.requests.clear()
    published(server, wheel)
    assert writes(server) == []
    assert len(server.public(TAG).named("SHA256SUMS").content.splitlines()) == 230 + 4


def test_a_release_that_would_become_too_large_is_refused_before(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    release = server.add(TAG)
    for number in range(996):
        server.put(release, f"other-{number}", b"x")
    with pytest.raises(PublishError) as caught:
        published(server, wheel, silence=30.0)  # the answer with a thousand files takes its time
    assert caught.value.why == ("it would hold 1001 files; GitHub takes 1000 in one release",)
    assert writes(server) == []


def test_an_immutable_release_is_told_and_left_alone(server: GithubServer, tmp_path: Path) -> None:
    server.freezes = True
    wheel = make_wheel(tmp_path)
    published(server, wheel)
    published(server, wheel)  # all of it is there
    with pytest.raises(PublishError, match="is immutable and takes nothing any more"):
        published(server, wheel, make_wheel(tmp_path, wheel_name("311")))


def test_of_two_drafts_the_older_is_used_and_ours_is_removed(server: GithubServer, tmp_path: Path) -> None:
    def rival(method: str, path: str) -> str:
        if method == "POST" and path.endswith("/releases"):
            server.add(TAG)
            server.fault = lambda _method, _path: ""
        return ""

    server.fault = rival
    wheel = make_wheel(tmp_path)
    published(server, wheel)
    assert [release.id for release in server.releases.values()] == [1]
    assert_complete(server, wheel)


def test_drafts_of_others_are_left_alone(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)
    for _ in range(2):
        server.add(TAG)
    published(server, wheel)
    assert [(release.id, release.draft) for release in server.releases.values()] == [(1, False), (2, True)]


def test_a_release_that_somebody_else_published_meanwhile_is_completed(server: GithubServer, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path)

    def rival(method: str, _path: str) -> str:
        if method == "PATCH" and len(server.releases) == 1:
            server.add(TAG, draft=False)
        return ""

    server.fault = rival
    published(server, wheel)
    there = server.public(TAG).contents()
    assert there[wheel.name] == wheel.read_bytes()
    assert [release.draft for release in server.releases.values()] == [True, False]


def test_as_long_as_something_gets_done_it_goes_on(server: GithubServer, tmp_path: Path) -> None:
    uploads = itertools.cycle(["500", ""])
    server.fault = lambda method, path: next(uploads) if method == "POST" and path.endswith("/assets") else ""
    wheels = [make_wheel(tmp_path, wheel_name(python)) for python in ("310", "311", "312")]
    published(server, *wheels, tries=1)
    assert_complete(server, *wheels)


def test_a_dry_run_says_what_publishing_then_does(server: GithubServer, tmp_path: Path) -> None:
    first, second = make_wheel(tmp_path), make_wheel(tmp_path, wheel_name("311"))
    published(server, first)
    server.put(server.public(TAG), second.name, b"half", "starter")
    server.sleep(3600)
    server.requests.clear()
    foretold = rehearsed(server, first, second)
    assert writes(server) == []
    said: list[str] = []
    published(server, first, second, say=said.append)
    assert [line.removeprefix("would ") for line in foretold if line.startswith("would ")] == [
        line.removeprefix("publish: ") for line in said[1:-1]
    ]
    whole = foretold[-1].removeprefix("in all, for 1 release: ")
    assert said[0] == f"publish: {TAG}: {whole}"
    size = sum(len(content) for content in server.public(TAG).contents().values())
    sent = re.fullmatch(r"(\d+) files to send, ([\d.]+) MB", whole)
    assert sent is not None
    assert 0 < int(sent[1]) < len(server.public(TAG).contents())
    assert 0 <= float(sent[2]) < size / 1e6 + 0.05
    assert f"{first.name} is there already" in foretold
    assert f"would remove the half-uploaded {second.name}" in foretold
    assert_complete(server, first, second)


def test_a_dry_run_of_a_new_release_makes_none(server: GithubServer, tmp_path: Path) -> None:
    foretold = rehearsed(server, make_wheel(tmp_path))
    assert foretold[0] == f"would make the draft release {TAG}"
    assert foretold[-2] == f"would publish the release {TAG}"
    assert re.fullmatch(r"in all, for 1 release: \d+ files to send, [\d.]+ MB", foretold[-1])
    assert server.releases == {}


def test_github_is_waited_for_as_it_asks(server: GithubServer, tmp_path: Path) -> None:
    faults = iter(["429", "403"])
    server.fault = lambda _method, _path: next(faults, "")
    began = server.clock
    said: list[str] = []
    published(server, make_wheel(tmp_path), say=said.append)
    assert 60 <= (server.clock - began).total_seconds() < 63
    assert "secondary rate limit; again in 3" in said[0]


def test_a_wait_of_hours_is_told_instead(server: GithubServer, tmp_path: Path) -> None:
    server.fault = lambda _method, _path: "429"
    server.retry_after = {"Retry-After": "7200"}
    with pytest.raises(PublishError, match="it asks us to wait 120 minutes"):
        published(server, make_wheel(tmp_path))


def test_what_keeps_failing_is_told(server: GithubServer, tmp_path: Path) -> None:
    server.fault = lambda method, _path: "500" if method == "POST" else ""
    with pytest.raises(PublishError) as caught:
        published(server, make_wheel(tmp_path), tries=3)
    assert caught.value.what == f"the release {TAG} is not complete"
    assert caught.value.why == (f"a draft of {TAG}: GitHub answers 500 Server Error",)
    assert len(writes(server)) == 4


class Killed(BaseException):
    """Stands for the end of the process: nothing in the program may handle it."""


@pytest.fixture(scope="module")
def two_wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("dist")
    return make_wheel(directory, tested=True), make_wheel(directory, wheel_name("311"))


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_whatever_goes_wrong_each_asset_ends_up_there_once_and_whole(
    server: GithubServer, two_wheels: tuple[Path, Path], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a schedule, the same each time
    server.fault = schedule(chance)
    with contextlib.suppress(PublishError, Killed):
        published(server, *two_wheels, tries=chance.choice([2, 8]), say=killer(chance))
    server.fault = lambda _method, _path: ""
    published(server, *two_wheels)
    assert set(assert_complete(server, *two_wheels).contents()) - expected(*two_wheels).keys() <= {
        *(f"{wheel.name}.metadata" for wheel in two_wheels),
        "SHA256SUMS",
        "flash_attn-2.7.4.post1.cdx.json",
    }


def schedule(chance: random.Random) -> Callable[[str, str], str]:
    """Make a run of faults, dense or not, of everything or of one kind of request, that ends at some time."""
    density, left = chance.choice([0.1, 0.3, 0.7]), chance.randint(1, 25)
    focus = chance.choice(["", "", "POST /repos/someone/wheels/releases/", "POST", "PATCH", "GET"])
    stalls = chance.randint(1, 3) if chance.random() < 0.15 else 0  # each costs its time

    def fault(method: str, path: str) -> str:
        nonlocal left, stalls
        if left == 0 or chance.random() > density or not f"{method} {path}".startswith(focus):
            return ""
        left -= 1
        is_upload = method == "POST" and path.endswith("/assets")
        if stalls:
            stalls -= 1
            return chance.choice(STALLS_OF_UPLOADS if is_upload else STALLS)
        return chance.choice(FAULTS_OF_ANY + FAULTS_OF_UPLOADS * 2 * is_upload)

    return fault


def killer(chance: random.Random) -> Callable[[str], None]:
    """Kill two runs of five, each at its own line."""
    left = chance.randint(1, 20) if chance.random() < 0.4 else 10**6

    def say(_: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    return say


@pytest.mark.parametrize("seed", range(12))
def test_two_at_once_put_each_asset_there_once_and_whole(
    server: GithubServer, two_wheels: tuple[Path, Path], seed: int
) -> None:
    chance = random.Random(1000 + seed)  # noqa: S311 - likewise
    server.fault = schedule(chance) if seed % 2 else server.fault
    failures: list[BaseException] = []

    def run(*wheels: Path) -> None:
        try:
            published(server, *wheels, tries=30)
        except BaseException as error:  # noqa: BLE001 - a thread's end is looked at below
            failures.append(error)

    threads = [threading.Thread(target=run, args=two_wheels[: 2 - seed % 3 // 2]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    server.fault = lambda _method, _path: ""
    published(server, *two_wheels)
    assert_complete(server, *two_wheels)


def exported(directory: Path, *sources: str, more: str = "") -> Path:
    """Export a set of small parts; ``more`` makes others of them under the same keys, as another compile does."""
    kernels = kernel_set(*sources)
    pool = Pool(directory / f"pool{more}{len(sources)}")
    fill(pool, kernels, *sources, more=more)
    _, (archive,) = poolarchive.export(pool, kernels, directory / f"dist{more}")
    return archive.path


def test_what_was_compiled_again_is_listed_beside_the_kernels(server: GithubServer, tmp_path: Path) -> None:
    github = repository(server)
    for more in ("", " compiled elsewhere"):
        archive = exported(tmp_path, "a.cu", more=more)
        archive.with_name(archive.name + pools.REPRODUCED).write_text(f"share {more}")
        publish_pools([archive], means=Means(installed=installed, github=github, say=str, policy=policy(server)))
    release = server.public("kernels-v2.7.4.post1")
    there = release.contents()
    assert set(there) == {archive.name, archive.name + pools.REPRODUCED, "SHA256SUMS"}
    assert there[archive.name + pools.REPRODUCED] == b"share "
    assert archive.name + pools.REPRODUCED in there["SHA256SUMS"].decode()


def test_kernels_get_a_release_of_their_own_and_the_first_of_a_name_stays(server: GithubServer, tmp_path: Path) -> None:
    github = repository(server)
    here, elsewhere = exported(tmp_path, "a.cu"), exported(tmp_path, "a.cu", more=" compiled elsewhere")
    name = here.name
    assert (elsewhere.name, elsewhere.read_bytes() == here.read_bytes()) == (name, False)
    for archive in (here, elsewhere):
        (sent,) = publish_pools(
            [archive], means=Means(installed=installed, github=github, say=str, policy=policy(server))
        )
        assert sent.tag == "kernels-v2.7.4.post1"
    there = server.public("kernels-v2.7.4.post1").contents()
    assert there[name] == here.read_bytes()
    assert there["SHA256SUMS"].decode() == f"{hashlib.sha256(here.read_bytes()).hexdigest()}  {name}\n"
    assert set(there) == {name, "SHA256SUMS"}
    later = exported(tmp_path, "a.cu", "b.cu")
    publish_pools([later], means=Means(installed=installed, github=github, say=str, policy=policy(server)))
    there = server.public("kernels-v2.7.4.post1").contents()
    assert set(there) == {name, later.name, "SHA256SUMS", "SHA256SUMS.2"}
    assert checksums.parse(there["SHA256SUMS.2"]) == {later.name: hashlib.sha256(later.read_bytes()).hexdigest()}
    with pytest.raises(GateError, match=r"wheel\.whl: is not named like an archive of kernels"):
        publish_pools([tmp_path / "wheel.whl"], means=Means(installed=installed, github=github, say=str))
    github.close()


def test_archives_that_do_not_hold_their_set_are_not_published(server: GithubServer, tmp_path: Path) -> None:
    github = repository(server)
    archive = exported(tmp_path, "a.cu")
    data = archive.read_bytes()
    for wrong in (b"", b"kernels", data[:-9], data[:200] + bytes([data[200] ^ 1]) + data[201:]):
        archive.write_bytes(wrong)
        with pytest.raises(GateError, match=rf"{archive.name}: is damaged"):
            publish_pools([archive], means=Means(installed=installed, github=github, say=str))
    exported(tmp_path, "a.cu", "b.cu").replace(archive)
    with pytest.raises(GateError, match=rf"{archive.name}: lists kernels-"):
        publish_pools([archive], means=Means(installed=installed, github=github, say=str))
    assert server.requests == []
    github.close()
