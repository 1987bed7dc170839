from pathlib import Path

import pytest

from factory.system.uvconfig import Told, told

MIRROR, OTHER = "https://user:secret@mirror.example/simple", "https://other.example/simple"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg"), "PIP_CONFIG_FILE": "/dev/null"}


def pip_conf(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "pip.conf"
    path.write_text(text)
    return {"PIP_CONFIG_FILE": str(path)}


def test_who_told_nobody_anything_gets_uv_s_own_way(env: dict[str, str]) -> None:
    assert told(env) == Told()
    assert told({**env, "PIP_TIMEOUT": "180", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}) == Told()


def test_mirrors_certificates_and_proxies_are_handed_on(env: dict[str, str], tmp_path: Path) -> None:
    text = (
        f"[global]\nindex-url = {OTHER}\nextra-index-url =\n  {OTHER}/a\n  {OTHER}/b\n[install]\nfind_links = /w /x\n"
    )
    given = {"PIP_INDEX_URL": MIRROR, "PIP_CERT": "/ca.pem", "PIP_PROXY": "proxy:3128", "PIP_TRUSTED_HOST": "a b"}
    found = told({**env, **pip_conf(tmp_path, text), **given})
    assert found is not None
    assert found.options == ()
    assert found.env == {
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_DEFAULT_INDEX": MIRROR,
        "UV_EXTRA_INDEX_URL": f"{OTHER}/a {OTHER}/b",
        "UV_FIND_LINKS": "/w,/x",
        "UV_INSECURE_HOST": "a b",
        "SSL_CERT_FILE": "/ca.pem",
        "HTTP_PROXY": "http://proxy:3128",
        "HTTPS_PROXY": "http://proxy:3128",
    }


@pytest.mark.parametrize(("value", "options"), [("1", ("--no-index",)), ("true", ("--no-index",)), ("0", ())])
def test_no_index_stays_none(env: dict[str, str], value: str, options: tuple[str, ...]) -> None:
    found = told({**env, "PIP_NO_INDEX": value, "PIP_FIND_LINKS": "/carried"})
    assert found is not None
    assert found.options == options
    assert found.env["UV_FIND_LINKS"] == "/carried"


@pytest.mark.parametrize("name", ["PIP_CLIENT_CERT", "PIP_KEYRING_PROVIDER", "PIP_CONSTRAINT"])
def test_what_uv_has_no_word_for_is_left_to_pip(env: dict[str, str], name: str) -> None:
    assert told({**env, "PIP_INDEX_URL": MIRROR, name: "something"}) is None


def test_who_told_uv_itself_is_not_corrected(env: dict[str, str], tmp_path: Path) -> None:
    assert told({**env, "PIP_INDEX_URL": MIRROR, "UV_DEFAULT_INDEX": OTHER}) == Told()
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").touch()
    assert told({**env, "PIP_INDEX_URL": MIRROR, "PIP_CLIENT_CERT": "x"}) == Told()
