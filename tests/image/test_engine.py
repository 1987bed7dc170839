"""With programs in the engines' place that say what Docker 28 and Podman 4 and 5 really say."""

import json
from pathlib import Path

import pytest

from factory.errors import EngineError
from factory.image.engine import engine_env, find

DOCKER = {"ServerVersion": "28.2.2", "Architecture": "x86_64", "SecurityOptions": ["name=seccomp,profile=builtin"]}
PODMAN = {"host": {"arch": "amd64", "security": {"rootless": True}}, "version": {"Version": "5.4.0"}}
NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
NO_PERMISSION = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.50/info": dial unix /var/run/docker.sock: connect: permission denied'
)


def put(directory: Path, name: str, *, stdout: str = "", stderr: str = "", status: int = 0) -> None:
    program = directory / name
    (directory / f"{name}.out").write_text(stdout)
    (directory / f"{name}.err").write_text(stderr)
    program.write_text(f'#!/bin/sh\ncat "$0.out"; cat "$0.err" >&2; exit {status}\n')
    program.chmod(0o755)


def path(directory: Path) -> dict[str, str]:
    (directory / "cat").symlink_to("/bin/cat")
    return {"PATH": str(directory)}


def test_docker_comes_before_podman(tmp_path: Path) -> None:
    put(tmp_path, "docker", stdout=json.dumps(DOCKER))
    put(tmp_path, "podman", stdout=json.dumps(PODMAN))
    found = find(path(tmp_path))
    assert (found.name, found.version, found.rootless, found.architecture) == ("docker", "28.2.2", False, "amd64")
    assert str(found) == "docker 28.2.2"


def test_rootless_docker_is_known_by_its_options(tmp_path: Path) -> None:
    put(tmp_path, "docker", stdout=json.dumps(DOCKER | {"SecurityOptions": ["name=seccomp", "name=rootless"]}))
    assert find(path(tmp_path)).rootless


def test_podman_serves_where_docker_has_no_daemon(tmp_path: Path) -> None:
    told = {"ServerVersion": "", "ServerErrors": [NO_DAEMON]}
    put(tmp_path, "docker", stdout=json.dumps(told), stderr="errors pretty printing info", status=1)
    put(tmp_path, "podman", stdout=json.dumps(PODMAN))
    assert str(find(path(tmp_path))) == "podman 5.4.0, rootless"


@pytest.mark.parametrize(
    ("said", "what", "remedy"),
    [
        (NO_DAEMON, "docker: no daemon answers", "systemctl start docker"),
        (NO_PERMISSION, "docker: you may not use it", "usermod"),
        ("something nobody has seen", "docker: something nobody has seen", "--backend host"),
    ],
)
def test_a_broken_engine_is_explained(tmp_path: Path, said: str, what: str, remedy: str) -> None:
    put(tmp_path, "docker", stderr=said, status=1)
    with pytest.raises(EngineError) as caught:
        find(path(tmp_path))
    assert caught.value.why[0].startswith(what)
    assert caught.value.why[1] == "podman is not installed"
    assert remedy in caught.value.remedy


def test_an_engine_that_prints_no_json_does_not_answer(tmp_path: Path) -> None:
    put(tmp_path, "podman", stdout="[]")
    with pytest.raises(EngineError, match="no container engine answers"):
        find(path(tmp_path))


def test_no_token_reaches_an_engine_and_its_own_places_do() -> None:
    told = engine_env({"GITHUB_TOKEN": "secret", "CIBW_BEFORE_ALL": "evil", "DOCKER_HOST": "unix:///x", "PATH": "/bin"})
    assert told == {"DOCKER_HOST": "unix:///x", "PATH": "/bin"}
