"""What comes before and after debootstrap; a real Debian needs root and a mirror, and is made by ``nox -s image``."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from factory.errors import DiskFullError, ImageError
from factory.image.aptsource import Archive
from factory.image.debootstrap import archive, lacking, make, signatures
from factory.system import process

BOOKWORM = {"ID": "debian", "VERSION_CODENAME": "bookworm"}
_INDEX = "Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: d\n\n"
needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="asks this machine's own apt")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An apt of our own that has read the lists of a small mirror of bookworm."""
    apt, index = tmp_path / "apt", tmp_path / "mirror/dists/bookworm/main/binary-amd64/Packages"
    for part in ("etc/apt.conf.d", "etc/preferences.d", "etc/keys", "state/lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True)
    index.parent.mkdir(parents=True)
    index.write_text(_INDEX)
    (index.parents[2] / "Release").write_text(
        "Label: Debian\nSuite: oldstable\nCodename: bookworm\nArchitectures: amd64\nComponents: main\n"
        f"SHA256:\n {hashlib.sha256(_INDEX.encode()).hexdigest()} {len(_INDEX)} main/binary-amd64/Packages\n"
    )
    (apt / "sources.list").write_text(f"# ours\ndeb [trusted=yes arch=amd64] file:{tmp_path}/mirror bookworm main\n")
    (apt / "apt.conf").write_text(
        f'Dir::Etc "{apt}/etc";\nDir::Etc::sourcelist "{apt}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State "{apt}/state";\nDir::Cache "{apt}/cache";\nAPT::Sandbox::User "";\n'
    )
    return {"PATH": os.environ["PATH"], "APT_CONFIG": str(apt / "apt.conf")}


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def source(tmp_path: Path, entry: str) -> Archive:
    listed = tmp_path / "sources.list"
    listed.write_text(f"{entry}\n")
    return Archive(suite="bookworm", url="http://mirror.example/debian/", listed=str(listed), number=1)


@needs_apt
def test_the_archive_is_the_one_apt_uses_here(tmp_path: Path, env: dict[str, str]) -> None:
    assert process.run(["apt-get", "update"], env=env).ok
    found = archive(env, BOOKWORM)
    assert (found.url, found.suite) == (f"file:{tmp_path}/mirror/", "bookworm")
    assert signatures(found) == ("--no-check-gpg",)


@needs_apt
def test_an_apt_without_lists_of_the_suite(env: dict[str, str]) -> None:
    with pytest.raises(ImageError, match="no archive of Debian bookworm") as raised:
        archive(env, BOOKWORM)
    assert raised.value.remedy == "sudo apt-get update"


@pytest.mark.parametrize(
    ("entry", "options"),
    [
        ("deb http://m.example bookworm main", ("--force-check-gpg",)),
        ("deb [signed-by=/keys/d.gpg] http://m.example bookworm main", ("--force-check-gpg", "--keyring=/keys/d.gpg")),
        ("deb [signed-by=/keys/d.asc] http://m.example bookworm main", ("--force-check-gpg",)),
        ("deb [trusted=yes] http://m.example bookworm main", ("--no-check-gpg",)),
    ],
)
def test_signatures_are_checked_unless_apt_is_told_otherwise(
    tmp_path: Path, entry: str, options: tuple[str, ...]
) -> None:
    assert signatures(source(tmp_path, entry)) == options


def test_another_system_is_refused() -> None:
    release = {"ID": "fedora", "ID_LIKE": "debian", "PRETTY_NAME": "Fedora Linux 43"}
    assert lacking({}, user=0, release=release) == [
        ("this machine runs Fedora Linux 43, not Debian", "Use one with Debian.")
    ]


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    complaints = lacking({"PATH": str(tmp_path)}, user=1000, release=BOOKWORM)
    assert complaints[0] == ("only root may make a Debian", "Run the same command as root.")
    assert complaints[-1] == ("apt knows no archive of Debian bookworm", "sudo apt-get update")


@pytest.mark.skipif(shutil.which("debootstrap", path="/usr/sbin:/sbin") is not None, reason="debootstrap is installed")
def test_no_debootstrap(tmp_path: Path) -> None:
    remedies = dict(lacking({"PATH": str(tmp_path)}, user=0, release=BOOKWORM))
    assert "apt-get install" in remedies["debootstrap is not installed"]


@pytest.mark.parametrize(
    ("said", "error"),
    [("dpkg: error: it broke", ImageError), ("tar: x: Cannot write: No space left on device", DiskFullError)],
)
def test_what_debootstrap_wrote_into_its_log_is_told(
    tmp_path: Path, said: str, error: type[ImageError | DiskFullError]
) -> None:
    program(tmp_path / "bin/unshare", 'shift; exec "$@"')
    program(
        tmp_path / "bin/debootstrap",
        f'mkdir "$5/debootstrap"; echo "{said}" > "$5/debootstrap/debootstrap.log"; exit 1',
    )
    root = tmp_path / "root"
    root.mkdir()
    here = source(tmp_path, "deb http://m.example bookworm main")
    with pytest.raises(error, match="could not make a Debian bookworm") as raised:
        make(root, here, ["git"], {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert said in raised.value.why


def test_the_proxy_of_apt_reaches_debootstrap(tmp_path: Path) -> None:
    program(tmp_path / "bin/unshare", 'shift; exec "$@"')
    program(tmp_path / "bin/apt-config", "echo \"http_proxy='http://proxy.example:3128'\"")
    program(tmp_path / "bin/debootstrap", 'echo "$http_proxy $*" > "$5/told"')
    here = source(tmp_path, "deb http://m.example bookworm main")
    make(tmp_path, here, ["git", "make"], {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "http_proxy": "other"})
    told = (tmp_path / "told").read_text().split()
    assert told[0] == "http://proxy.example:3128"
    assert "--include=git,make" in told
