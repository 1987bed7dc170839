"""The real pip and the real uv, installing small wheels from the index this factory writes."""

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.errors import DigestError, UnreachableError
from factory.index import locks, requirements, wheelsjson
from factory.index.index import Former, index, mirror
from factory.index.published import Published
from factory.index.served import flash_attn_wheel
from factory.system import download, process
from tests import stubwheels
from tests.frozen import MATRIX
from tests.installers import Client
from tests.samplewheels import FACTS, NOTHING, named
from tests.serving import serving
from tests.wheelmaker import Maker, Parts

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
CP = f"cp{PYTHON.replace('.', '')}"
LOCAL = "cu12torch2.6cxx11abiFALSE"
INDEX = "cu124/torch2.6/cxx11abiFALSE/"
VERSIONS = ("2.7.4.post1", "2.8.3.post2")
WRONG = "0" * 64


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def noting(root: Path, asked: list[str]) -> Iterator[str]:
    handler = type("Noting", (Handler,), {"asked": asked})
    with serving(
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=root))
    ) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


@dataclass
class Shop:
    """A release and the site of its index, served at ``url``; ``asked`` are the paths that were fetched."""

    root: Path
    url: str
    asked: list[str]
    wheels: dict[str, Published] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def index(self) -> str:
        return f"{self.url}site/{INDEX}"

    def release(self, version: str) -> None:
        """Put a wheel and its metadata where a release would have them."""
        name = f"flash_attn-{version}+{LOCAL}-{CP}-{CP}-linux_x86_64.whl"
        directory = self.root / "releases" / f"v{version}"
        directory.mkdir(parents=True)
        path = Maker(self.root, lambda _: b"").write(Parts(filename=name, binary=None), directory)
        metadata = zipfile.ZipFile(path).read(f"flash_attn-{version}+{LOCAL.lower()}.dist-info/METADATA")
        path.with_name(f"{name}.metadata").write_bytes(metadata)
        self.wheels[version] = named(
            name,
            url=f"{self.url}releases/v{version}/{name.replace('+', '%2B')}",
            size=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            metadata_sha256=hashlib.sha256(metadata).hexdigest(),
            cuda="12.4",
        )

    def publish(self, **changed: object) -> None:
        """Write the index, with the guide's wheel ``changed``."""
        guide = replace(self.wheels[VERSIONS[0]], **changed)  # type: ignore[arg-type]
        wheels = [guide, *(self.wheels[version] for version in VERSIONS[1:])]
        index(wheels, facts=FACTS, former=NOTHING, out=self.site, say=lambda _: None)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Shop]:
    asked: list[str] = []
    with noting(tmp_path, asked) as url:
        made = Shop(root=tmp_path, url=url, asked=asked)
        for version in VERSIONS:
            made.release(version)
        made.publish()
        yield made


@pytest.fixture(scope="module", params=["pip", "uv"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    home = tmp_path_factory.mktemp(request.param)
    done = process.run([sys.executable, "-m", "virtualenv", "--no-download", "--python", sys.executable, home])
    assert done.ok, done.stderr
    client = Client(name=request.param, home=home)
    torch = stubwheels.torch("2.6.0", "12.4", abi=False, local=True, directory=home / "torch")
    assert client.install(str(torch)).ok
    return client


@pytest.fixture
def client(made: Client) -> Client:
    """A client in whose environment nothing but torch is installed."""
    made.clear("torch")
    return made


def full(version: str) -> str:
    return f"{version}+{LOCAL}".lower()


@pytest.mark.parametrize("root", ["cu124", "cu12"])
def test_the_guides_version_by_its_number(root: str, client: Client, session: Shop) -> None:
    done = client.install("flash-attn==2.7.4.post1", index=f"{session.url}site/{root}/torch2.6/cxx11abiFALSE/")
    assert done.ok, done.stderr
    assert client.installed == full("2.7.4.post1")
    assert any(path.endswith(".whl.metadata") for path in session.asked)


def test_the_whole_local_version_in_the_guides_letter_case(client: Client, session: Shop) -> None:
    done = client.install(f"flash-attn==2.7.4.post1+{LOCAL}", index=session.index)
    assert done.ok, done.stderr
    assert client.installed == full("2.7.4.post1")


def test_the_newest_without_a_number_and_never_twice(client: Client, session: Shop) -> None:
    assert client.install("flash-attn", index=session.index).ok
    assert client.installed == full("2.8.3.post2")
    session.asked.clear()
    assert client.install("flash-attn", index=session.index).ok
    assert not [path for path in session.asked if path.endswith(".whl")]


@pytest.mark.parametrize("right", [True, False])
def test_a_requirement_with_its_hash(right: bool, client: Client, session: Shop) -> None:  # noqa: FBT001
    sha256 = session.wheels["2.7.4.post1"].sha256 if right else WRONG
    requirements = session.root / "requirements.txt"
    requirements.write_text(f"flash-attn==2.7.4.post1+{LOCAL} --hash=sha256:{sha256}\n")
    done = client.install("--no-deps", "--require-hashes", "-r", str(requirements), index=session.index)
    assert done.ok is right, done.stderr
    assert client.installed == (full("2.7.4.post1") if right else "")
    assert right or "hash" in done.stderr.lower()


def test_a_file_that_is_not_what_the_index_says_is_refused(client: Client, session: Shop) -> None:
    session.publish(sha256=WRONG)
    done = client.install("flash-attn==2.7.4.post1", index=session.index)
    assert not done.ok
    assert "hash" in done.stderr.lower()
    assert client.installed == ""


def test_metadata_that_the_index_does_not_have_is_not_asked_for(client: Client, session: Shop) -> None:
    session.publish(metadata_sha256=None)
    assert client.install("flash-attn==2.7.4.post1", index=session.index).ok
    assert not any(path.endswith(".metadata") for path in session.asked)


def test_a_withdrawn_wheel_comes_only_by_its_number(client: Client, session: Shop) -> None:
    session.wheels["2.8.3.post2"] = replace(session.wheels["2.8.3.post2"], yanked="wrong torch class")
    session.publish()
    assert client.install("flash-attn", index=session.index).ok
    assert client.installed == full("2.7.4.post1")
    done = client.install(f"flash-attn==2.8.3.post2+{LOCAL}", index=session.index)
    assert done.ok, done.stderr
    assert "wrong torch class" in done.stderr + done.stdout


def test_another_python_is_not_installed(client: Client, session: Shop) -> None:
    session.publish(requires_python=">=99")
    done = client.install("flash-attn==2.7.4.post1", index=session.index)
    assert not done.ok
    assert ">=99" in done.stderr + done.stdout


def test_a_mirror_in_files_needs_no_server(client: Client, session: Shop) -> None:
    out = session.root / "elsewhere"
    copied = mirror(wheelsjson.read(f"{session.url}site"), out=out, fetch=download.fetch)
    before = Former(wheels=wheelsjson.former(f"{session.url}site"), may_shrink=False)
    index(copied, facts=FACTS, former=before, out=out, say=lambda _: None)
    moved = out.rename(session.root / "moved here")
    session.asked.clear()
    done = client.install("flash-attn==2.7.4.post1", index=f"{moved.as_uri()}/{INDEX}")
    assert done.ok, done.stderr
    assert client.installed == full("2.7.4.post1")
    one = wheelsjson.read(str(moved))[-1]
    download.fetch(one.url, one.sha256, session.root / "fetched.whl")
    assert not session.asked


@pytest.mark.parametrize("mirrored", [False, True], ids=["published", "mirror"])
def test_the_lock_file_of_a_wheel_installs_it(mirrored: bool, client: Client, session: Shop) -> None:  # noqa: FBT001
    one, site = session.wheels["2.7.4.post1"], session.site
    if mirrored:
        site = session.root / "a mirror"
        copied = mirror([one], out=site, fetch=download.fetch)
        index(copied, facts=FACTS, former=NOTHING, out=site, say=lambda _: None)
    session.asked.clear()
    done = client.install("-r", str(site / locks.path(one)))
    assert done.ok, done.stderr
    assert client.installed == full("2.7.4.post1")
    assert not (mirrored and session.asked)


HASHED = ("--no-deps", "--require-hashes")


@pytest.mark.parametrize("words", [(), HASHED], ids=["plain", "hashed"])
@pytest.mark.parametrize("mirrored", [False, True], ids=["published", "mirror"])
def test_the_requirements_file_of_a_wheel_installs_it(
    mirrored: bool,  # noqa: FBT001
    words: tuple[str, ...],
    client: Client,
    session: Shop,
) -> None:
    one, site = session.wheels["2.7.4.post1"], session.site
    if mirrored:
        site = session.root / "a mirror"
        copied = mirror([one], out=site, fetch=download.fetch)
        index(copied, facts=FACTS, former=NOTHING, out=site, say=lambda _: None)
    session.asked.clear()
    done = client.install(*words, "-r", str(site / requirements.path(one)))
    assert done.ok, done.stderr
    assert client.installed == full("2.7.4.post1")
    assert not (mirrored and session.asked)


@pytest.mark.parametrize("mirrored", [False, True], ids=["published", "mirror"])
def test_a_requirements_file_takes_no_other_file(mirrored: bool, client: Client, session: Shop) -> None:  # noqa: FBT001
    one, site = session.wheels["2.7.4.post1"], session.site
    if mirrored:
        site = session.root / "a mirror"
        one, *_ = mirror([one], out=site, fetch=download.fetch)
    ((path, text),) = requirements.files([replace(one, sha256=WRONG)]).items()
    (site / path).parent.mkdir(exist_ok=True)
    (site / path).write_text(text)
    done = client.install(*HASHED, "-r", str(site / path))
    assert not done.ok
    assert "hash" in done.stderr.lower()
    assert client.installed == ""


def mirrored(session: Shop) -> tuple[Path, Path]:
    """Give a mirror of the site in files, and its wheel of the guide's release."""
    out = session.root / "a mirror"
    copied = mirror(wheelsjson.read(f"{session.url}site"), out=out, fetch=download.fetch)
    index(copied, facts=FACTS, former=NOTHING, out=out, say=lambda _: None)
    (wheel,) = (out / "files").glob("flash_attn-2.7.4.post1*.whl")
    return out, wheel


@pytest.mark.parametrize(
    ("spoil", "ending"),
    [
        (lambda _: None, (0, "verified by sha256")),
        (Path.unlink, (UnreachableError.status, "cannot be read")),
        (lambda wheel: wheel.write_bytes(b"other"), (DigestError.status, "is not the file it must be")),
    ],
    ids=["whole", "missing", "altered"],
)
def test_download_from_a_mirror_in_files(
    spoil: Callable[[Path], object],
    ending: tuple[int, str],
    session: Shop,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, wheel = mirrored(session)
    spoil(wheel)
    monkeypatch.chdir(session.root)
    shutil.copy(MATRIX, "matrix.yaml")
    status, said = ending
    assert main(["download", "cu124", "torch2.6", CP, "--index", out.as_uri()]) == status
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert (session.root / "dist" / wheel.name).exists() is (status == 0)


def altered(wheel: Path) -> None:
    """Write other bytes that are a whole wheel too."""
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.comment = b"altered"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (Path.unlink, ("FileNotFoundError for url", "No such file or directory")),
        (altered, ("DO NOT MATCH THE HASHES", "Hash mismatch")),
    ],
    ids=["missing", "altered"],
)
def test_nothing_comes_of_a_mirror_with_a_spoilt_file(
    spoil: Callable[[Path], object], words: tuple[str, ...], client: Client, session: Shop
) -> None:
    out, wheel = mirrored(session)
    spoil(wheel)
    done = client.install("flash-attn==2.7.4.post1", index=f"{out.as_uri()}/{INDEX}")
    assert not done.ok
    assert any(said in done.stderr for said in words)
    assert client.installed == ""


@pytest.mark.parametrize("right", [True, False])
def test_the_resolvers_own_lines(right: bool, client: Client, session: Shop) -> None:  # noqa: FBT001
    one = session.wheels["2.7.4.post1"]
    lines = flash_attn_wheel.lines((one if right else replace(one, sha256=WRONG)).row)
    requirements = session.root / "requirements.txt"
    requirements.write_text(lines["requirements"])
    for words in ([lines[client.name].split("'")[1]], ["-r", str(requirements)]):
        client.clear("torch")
        done = client.install(*words)
        assert done.ok is right, done.stderr
        assert client.installed == (full("2.7.4.post1") if right else "")


@pytest.mark.parametrize("right", [True, False])
def test_a_uv_project_locks_and_checks_the_hash(right: bool, session: Shop) -> None:  # noqa: FBT001
    one = session.wheels["2.7.4.post1"]
    tables = flash_attn_wheel.uv_project(one.row, f"{session.url}site/")
    project = f'[project]\nname = "x"\nversion = "1"\nrequires-python = "=={PYTHON}.*"\n'
    (session.root / "pyproject.toml").write_text(project + tables.removeprefix("# "))
    torch = session.root / "default" / "torch"
    stubwheels.torch("2.6.0", "12.4", abi=False, local=False, directory=torch)
    stubwheels.simple_page(torch)
    env = {"PATH": os.environ["PATH"], "HOME": str(session.root), "UV_NO_CACHE": "1"}
    env |= {"UV_DEFAULT_INDEX": f"{session.url}default/"}
    uv: list[Path | str] = [Path(sys.executable).with_name("uv"), "--directory", session.root]
    assert process.run([*uv, "lock", "--python", sys.executable], env=env).ok
    lock = (session.root / "uv.lock").read_text()
    assert f"sha256:{one.sha256}" in lock
    if not right:
        (session.root / "uv.lock").write_text(lock.replace(one.sha256, WRONG))
    done = process.run([*uv, "sync", "--frozen", "--python", sys.executable], env=env)
    assert done.ok is right, done.stderr
    assert right or "hash" in done.stderr.lower()
