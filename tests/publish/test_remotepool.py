"""Real archives of small sets, from a GitHub on this machine."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from factory.output.log import Log
from factory.pool import archive as poolarchive
from factory.pool.archivename import LIMIT
from factory.pool.record import SetRecord
from factory.pool.store import Pool, pool_in
from factory.publish import pools, remotepool
from factory.publish.remotepool import Remote
from factory.session import Session
from factory.system import process
from factory.system.machine import Limits
from tests.githubserver import GithubServer
from tests.githubstore import REPOSITORY, StoredRelease
from tests.kernelsets import content, files, fill, kernel_set, key_of, put, whole_keys
from tests.publishing import put_list
from tests.serving import serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TAG = pools.pool_tag("2.7.4.post1")
NOTHING = f"nothing is published as {TAG} of {REPOSITORY}, or not for everybody to see; compiling here"
SET = kernel_set("a.cu", "b.cu")
ANOTHER = replace(SET, host_compiler="11.4.0", keys=tuple(sorted(key_of("c.cu", part) for part in ("host", "sm_80"))))


class Place(Session):
    """A session with an empty pool that remembers what it said."""

    @property
    def said(self) -> list[str]:
        file = self.log._console.file  # noqa: SLF001 (what was said is read where it was written)
        assert isinstance(file, io.StringIO)
        return file.getvalue().splitlines()


@pytest.fixture
def session(tmp_path: Path) -> Place:
    log = Log(Console(file=io.StringIO(), width=500))
    env = {"PATH": f"{gh(tmp_path, 'exit 0')}:/bin"}
    return Place(cache=tmp_path / "cache", env=env, log=log, limits=Limits(jobs=1, budget=10**9))


def gh(directory: Path, script: str) -> Path:
    """Have ``gh`` do as the ``script`` says; give the folder it is in."""
    program = directory / "programs" / "gh"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program.parent


def exported(directory: Path, kernels: SetRecord, *sources: str, limit: int = LIMIT) -> list[Path]:
    """Write the archives of ``kernels`` as a pool that holds ``sources`` would."""
    pool = Pool(directory / "made")
    fill(pool, kernels, *sources)
    return [archive.path for archive in poolarchive.export(pool, kernels, directory / "dist", limit)[1]]


def published(server: GithubServer, *archives: Path, name: str = "") -> StoredRelease:
    release = server.add(TAG, draft=False)
    for archive in archives:
        server.put(release, name or archive.name, archive.read_bytes())
    put_list(server, release)
    return release


def remote(server: GithubServer) -> Remote:
    return Remote(repository=REPOSITORY, server=server.api, silence=0.3)


def taken(server: GithubServer, session: Place) -> str:
    """Give the one line that is said."""
    return taken_from(remote(server), session)


def taken_from(remote: Remote, session: Place) -> str:
    remotepool.take(SET, SET.keys, remote=remote, session=session)
    (line,) = session.said
    return line.removeprefix("kernels: ")


def assert_nothing_came(session: Place) -> None:
    assert files(session.cache) == {}
    assert list((pool_in(session.cache).root / "tmp").glob("*")) == []


@pytest.mark.parametrize("limit", [LIMIT, 17_000])
def test_a_published_set_comes_whole_and_its_archives_go(
    server: GithubServer, session: Place, tmp_path: Path, limit: int
) -> None:
    archives = exported(tmp_path, SET, "a.cu", "b.cu", limit=limit)
    published(server, *archives)
    size = sum(archive.stat().st_size for archive in archives)
    assert (
        taken(server, session)
        == f"{SET.name} fetched from {TAG} of {REPOSITORY}, {size} bytes (0.0 MB), verified by attestation"
    )
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)
    made = files(tmp_path / "made")
    assert {name: made[name] for name in files(pool_in(session.cache).root)} == files(pool_in(session.cache).root)
    assert list((session.cache / "downloads").iterdir()) == []
    assert list((pool_in(session.cache).root / "tmp").glob("*")) == []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 1", f"has no attestation of pool.yml of {REPOSITORY} that holds"),
        ("exit 4", "gh is not logged in"),
        ("exit 127", "gh is not here"),
        ("echo unknown flag: --source-ref >&2; exit 1", "this gh is too old"),
    ],
)
def test_kernels_without_an_attestation_that_holds_are_compiled_here(
    server: GithubServer, session: Place, tmp_path: Path, script: str, told: str
) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    gh(tmp_path, script)
    line = taken(server, session)
    assert told in line
    assert line.endswith("; compiling here")
    assert_nothing_came(session)
    assert list((session.cache / "downloads").iterdir()) == []


def test_the_attestation_beside_an_archive_spares_the_login(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    (archive,) = exported(tmp_path, SET, "a.cu", "b.cu")
    bundle = archive.with_name(f"{archive.name}.sigstore.json")
    bundle.write_text("{}")
    published(server, bundle, archive)
    gh(tmp_path, f'echo "$@" > {tmp_path}/asked; cat "$(echo "$@" | sed "s/.*--bundle //")" > {tmp_path}/read')
    taken(server, session)
    signer = f"--signer-workflow {REPOSITORY}/.github/workflows/pool.yml --source-ref refs/heads/main"
    asked = (tmp_path / "asked").read_text()
    assert f"--repo {REPOSITORY} {signer} --bundle " in asked
    assert (tmp_path / "read").read_text() == "{}"
    assert list((session.cache / "downloads").iterdir()) == []


def test_who_lacks_nothing_asks_nobody(server: GithubServer, session: Place) -> None:
    fill(pool_in(session.cache), SET, "a.cu", "b.cu")
    remotepool.take(SET, SET.keys, remote=remote(server), session=session)
    assert (session.said, server.requests) == ([], [])


def test_what_is_here_already_stays(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    mine = put(pool_in(session.cache), "a.cu", "host", b"compiled here")
    taken(server, session)
    assert pool_in(session.cache).record(key_of("a.cu", "host")) == mine
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_parts_with_one_content_all_come(server: GithubServer, session: Place, tmp_path: Path) -> None:
    pool = Pool(tmp_path / "made")
    pool.note(SET)
    for source in ("a.cu", "b.cu"):
        for part in ("host", "compute_80", "sm_80"):
            put(pool, source, part, b"the same")
    published(server, poolarchive.export(pool, SET, tmp_path / "dist")[1][0].path)
    taken(server, session)
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_no_release_of_kernels_yet(server: GithubServer, session: Place) -> None:
    server.add("v2.7.4.post1", draft=False)
    assert taken(server, session) == NOTHING
    assert_nothing_came(session)


def test_a_draft_is_for_nobody_yet(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu")).draft = True
    assert taken(server, session) == NOTHING


def test_a_set_that_was_published_later_is_in_a_later_list(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    release = published(server, *exported(tmp_path / "another", ANOTHER, "c.cu"))
    for archive in exported(tmp_path, SET, "a.cu", "b.cu", limit=17_000):
        server.put(release, archive.name, archive.read_bytes())
        put_list(server, release)
    assert taken(server, session).startswith(f"{SET.name} fetched from {TAG}")
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_the_api_and_its_limits_are_left_alone(server: GithubServer, session: Place, tmp_path: Path) -> None:
    (archive,) = exported(tmp_path, SET, "a.cu", "b.cu")
    published(server, archive)
    taken(server, session)
    base = f"/{REPOSITORY}/releases/download/{TAG}/"
    assert server.requests == [("GET", f"{base}{name}") for name in ("SHA256SUMS", archive.name)]


def test_half_a_set_is_none(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu", limit=17_000)[:2])
    assert taken(server, session) == f"{TAG} of {REPOSITORY} does not have {SET.name}; compiling here"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(SET, host_compiler="11.4.0"), "11.4.0, not with gcc 12.2.0"),
        (
            replace(SET, toolkit="12.4.99"),
            "12.2.0, not with exactly what is here: gcc 12.2.0, CUDA 12.4.131, this factory's headers and flags",
        ),
    ],
)
def test_a_set_of_other_tools_is_named_and_left(
    server: GithubServer, session: Place, tmp_path: Path, other: SetRecord, told: str
) -> None:
    published(server, *exported(tmp_path, other, "a.cu", "b.cu"))
    assert taken(server, session) == f"{TAG} of {REPOSITORY} has these kernels made with gcc {told}; compiling here"
    assert_nothing_came(session)


def test_an_archive_altered_on_its_way_is_not_used(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    asset = server.public(TAG).named(f"{SET.name}.tar.zst")
    good = asset.content

    def altered(_: str, path: str) -> str:
        asset.content = bytes([good[0] ^ 1]) + good[1:] if path.endswith(asset.name) else good
        return ""

    server.fault = altered
    line = taken(server, session)
    assert f"{SET.name}.tar.zst is not the file it must be; expected sha256 " in line
    assert line.endswith("; compiling here")
    assert_nothing_came(session)


def test_an_archive_that_was_altered_before_it_was_published_is_not_used(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    (archive,) = exported(tmp_path, SET, "a.cu", "b.cu")
    text = zstd.decompress(archive.read_bytes()).replace(content("b.cu", "sm_80"), b"!" * 260)
    archive.write_bytes(zstd.compress(text))
    published(server, archive)
    line = taken(server, session)
    assert "is damaged, or is no archive of kernels" in line
    assert line.endswith("; compiling here")
    assert_nothing_came(session)


def test_another_sets_archive_under_this_name_is_not_used(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, ANOTHER, "c.cu"), name=f"{SET.name}.tar.zst")
    assert (
        taken(server, session) == f"the archives named {SET.name} hold other kernels and are not used; compiling here"
    )
    assert_nothing_came(session)


def test_a_set_of_which_parts_are_missing_is_not_used(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu"), name=f"{SET.name}.tar.zst")
    expected = f"the archives named {SET.name} lack 3 of its parts and are not used; compiling here"
    assert taken(server, session) == expected
    assert_nothing_came(session)


def test_a_file_of_which_no_sha256_is_known_is_not_fetched(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    release = published(server, *exported(tmp_path / "full", kernel_set("a.cu", profile="full"), "a.cu"))
    (archive,) = exported(tmp_path, SET, "a.cu", "b.cu")
    server.put(release, archive.name, archive.read_bytes())
    assert taken(server, session) == f"{TAG} of {REPOSITORY} does not have {SET.name}; compiling here"
    assert_nothing_came(session)


@pytest.mark.parametrize("lost", [0, -1])
def test_a_file_that_is_listed_and_not_there(server: GithubServer, session: Place, tmp_path: Path, lost: int) -> None:
    archives = exported(tmp_path, SET, "a.cu", "b.cu", limit=17_000)
    release = published(server, *archives)
    del release.assets[release.named(archives[lost].name).id]
    line = taken(server, session)
    assert f"/{archives[lost].name}: it answered 404" in line
    assert line.endswith("; compiling here")
    assert_nothing_came(session)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"<html>log in first</html>\n", "is no list of sums; line 1 is no sha256 and a name"),
        (b"0" * 64 + b"  other.tar.zst\n\n", "is no list of sums; line 2 is no sha256 and a name"),
        (b"0" * 64 + f"  {SET.name}.tar.zst".encode(), "is no list of sums; it does not end as a list of sums does"),
        (b"", "is no list of sums; it does not end as a list of sums does"),
        (b"\xff\n", "is no list of sums; 'utf-8' codec"),
        (b"0" * 1_000_001, "cannot be had; it has more than 1000000 bytes"),
    ],
)
def test_a_list_that_is_none(server: GithubServer, session: Place, text: bytes, told: str) -> None:
    server.put(server.add(TAG, draft=False), "SHA256SUMS", text)
    line = taken(server, session)
    assert line.startswith(f"{remote(server).address(TAG, 'SHA256SUMS')} {told}")
    assert line.endswith("; compiling here")
    assert_nothing_came(session)


def test_all_lists_together_are_bounded(server: GithubServer, session: Place) -> None:
    release = server.add(TAG, draft=False)
    for number, name in enumerate(("SHA256SUMS", "SHA256SUMS.2")):
        server.put(release, name, b"".join(b"%064x  %d-%d\n" % (row, number, row) for row in range(8_000)))
    line = taken(server, session)
    assert line.startswith(f"{remote(server).address(TAG, 'SHA256SUMS.2')} cannot be had; it has more than ")


@pytest.mark.parametrize("fault", ["drop", "503", "403", "403 forbidden", "cut", "stall"])
def test_releases_that_do_not_answer_hold_nobody_up(
    server: GithubServer, session: Place, tmp_path: Path, fault: str
) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    server.fault = lambda *_: fault
    before = time.monotonic()
    line = taken(server, session)
    assert time.monotonic() - before < 3
    assert line.startswith(f"{remote(server).address(TAG, 'SHA256SUMS')} cannot be had; ")
    assert line.endswith("; compiling here")
    assert_nothing_came(session)


@pytest.mark.parametrize("repository", ["someone/private", "no repository"])
def test_a_repository_that_nobody_may_see(server: GithubServer, session: Place, repository: str) -> None:
    line = taken_from(replace(remote(server), repository=repository), session)
    assert line == NOTHING.replace(REPOSITORY, repository)


class Said(NamedTuple):
    """An answer; ``elsewhere`` is where the same path is to be asked for."""

    body: bytes = b""
    elsewhere: str = ""


@contextlib.contextmanager
def answering(said: Said) -> Iterator[str]:
    """Serve the same to every question, as networks do that ask for a password first."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if said.elsewhere else 200)
            if said.elsewhere:
                self.send_header("Location", said.elsewhere + self.path)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("body", [b"<html>log in first</html>", b"", b"0" * 64 + b"  one.tar.zst\n"])
def test_something_else_answers_in_githubs_place(session: Place, body: bytes) -> None:
    with answering(Said(body)) as address:
        line = taken_from(Remote(repository=REPOSITORY, server=address), session)
    assert line.endswith("; compiling here")


def test_what_github_serves_from_another_host_is_fetched_there(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    with answering(Said(elsewhere=server.api)) as address:
        line = taken_from(replace(remote(server), server=address), session)
    assert line.startswith(f"{SET.name} fetched from {TAG}")
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


def test_a_disk_that_takes_no_archive(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    session.cache.mkdir()
    (session.cache / "downloads").write_text("")
    assert taken(server, session).startswith(f"{SET.name} cannot be kept: ")


def test_two_builds_at_once_fetch_once(server: GithubServer, session: Place, tmp_path: Path) -> None:
    published(server, *exported(tmp_path, SET, "a.cu", "b.cu"))
    builds = [
        threading.Thread(
            target=remotepool.take, args=(SET, SET.keys), kwargs={"remote": remote(server), "session": session}
        )
        for _ in range(4)
    ]
    for build in builds:
        build.start()
    for build in builds:
        build.join()
    assert len(session.said) == 1
    assert whole_keys(pool_in(session.cache), SET) == set(SET.keys)


@pytest.mark.parametrize("module", ["factory.build.container.inside.__main__", "factory.publish.remotepool"])
def test_githubs_client_is_not_needed(module: str) -> None:
    """Neither for the steps in a container, whose lock file has what they need, nor to fetch kernels."""
    code = f"import sys, {module}; sys.exit('github' in sys.modules)"
    assert process.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).status == 0


THEIRS = replace(SET, compiled_on="x86_64", kin="a", toolkit_sha256="1", host_compiler_sha256="2")
OURS = replace(SET, machine="aarch64", compiled_on="aarch64", kin="a", keys=(key_of("d.cu", "host"),))


def asked(ours: SetRecord, server: GithubServer, session: Place) -> str:
    remotepool.take(ours, ours.keys, remote=remote(server), session=session)
    return session.said[-1].removeprefix("kernels: ")


def test_where_a_set_is_not_published_its_kin_comes_that_another_machine_compiled(
    server: GithubServer, session: Place, tmp_path: Path
) -> None:
    published(server, *exported(tmp_path, THEIRS, "a.cu", "b.cu"))
    assert asked(OURS, server, session).startswith(f"{THEIRS.name} fetched from {TAG}")
    assert pool_in(session.cache).sets() == [THEIRS]
    assert whole_keys(pool_in(session.cache), THEIRS) == set(THEIRS.keys)
    before = len(server.requests)
    assert asked(OURS, server, session) == f"{THEIRS.name}, which another machine compiled, is here already"
    assert not any(THEIRS.name in str(request) for request in server.requests[before:])


@pytest.mark.parametrize(
    "ours",
    [
        replace(OURS, kin="b"),
        replace(OURS, compiled_on="x86_64"),
        replace(OURS, compiled_on="", kin=""),
        replace(OURS, host_compiler="11.4.0"),
        replace(OURS, archs=("8.0",)),
    ],
)
def test_what_is_no_kin_or_of_this_kind_of_machine_is_not_even_fetched(
    server: GithubServer, session: Place, tmp_path: Path, ours: SetRecord
) -> None:
    published(server, *exported(tmp_path, THEIRS, "a.cu", "b.cu"))
    assert asked(ours, server, session).endswith("; compiling here")
    assert_nothing_came(session)
    assert not any(".tar.zst" in str(request) for request in server.requests)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"a.cu": THEIRS}, "lack 3 of its parts"),
        ({"a.cu": replace(THEIRS, kin="c"), "b.cu": replace(THEIRS, kin="c")}, "hold other kernels"),
        ({"a.cu": SET, "b.cu": SET}, "hold other kernels"),
    ],
)
def test_kin_that_is_not_whole_or_not_what_its_name_says_stays_outside(
    server: GithubServer, session: Place, tmp_path: Path, held: dict[str, SetRecord], told: str
) -> None:
    (archive,) = exported(tmp_path, held["a.cu"], *held)
    published(server, archive.rename(archive.with_name(f"{THEIRS.name}.tar.zst")))
    assert told in asked(OURS, server, session)
    assert_nothing_came(session)
