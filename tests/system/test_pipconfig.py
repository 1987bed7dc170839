import sys
from pathlib import Path

import pytest

from factory.errors import UsageError
from factory.system.pipconfig import index_url, without_password

MIRROR = "https://mirror.example/simple"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}


def write(path: Path, url: str, key: str = "index-url") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"[global]\n{key} = {url}\n")


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_a_variable_wins_over_files(env: dict[str, str], tmp_path: Path, name: str) -> None:
    write(tmp_path / ".config" / "pip" / "pip.conf", "https://file.example/simple")
    assert index_url({**env, name: MIRROR}) == MIRROR


def test_uv_s_named_index(env: dict[str, str]) -> None:
    assert index_url({**env, "UV_DEFAULT_INDEX": f"my-mirror={MIRROR}?a=b"}) == f"{MIRROR}?a=b"


@pytest.mark.parametrize("key", ["index-url", "index_url"])
def test_the_user_s_file_wins_over_older_places(env: dict[str, str], tmp_path: Path, key: str) -> None:
    write(tmp_path / "xdg" / "pip" / "pip.conf", "https://machine.example/simple")
    write(tmp_path / ".pip" / "pip.conf", "https://old.example/%s")
    assert index_url(env) == "https://old.example/%s"
    write(tmp_path / ".config" / "pip" / "pip.conf", MIRROR, key)
    assert index_url(env) == MIRROR


def test_pip_s_own_variable_names_the_strongest_file_or_none(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    write(tmp_path / "venv" / "pip.conf", "https://venv.example/simple")
    assert index_url(env) == "https://venv.example/simple"
    write(tmp_path / "named.conf", MIRROR)
    assert index_url({**env, "PIP_CONFIG_FILE": str(tmp_path / "named.conf")}) == MIRROR
    assert index_url({**env, "PIP_CONFIG_FILE": "/dev/null"}) is None


def test_a_file_that_is_not_one_is_named(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "pip.conf"
    path.write_text("index-url = nowhere\n")
    with pytest.raises(UsageError) as caught:
        index_url({**env, "PIP_CONFIG_FILE": str(path)})
    assert str(path) in str(caught.value)


def test_passwords_are_not_shown() -> None:
    text = "404 for url: https://me:secret@mirror.example/a@b/ and http://plain.example/"
    assert without_password(text) == "404 for url: https://mirror.example/a@b/ and http://plain.example/"
