from pathlib import Path

import pytest

from factory.__main__ import main
from tests.smallsdist import matrix_with_small_sdists

WHEEL = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_a_wheel_without_a_report_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / WHEEL).write_bytes(b"")
    assert main(["reproduce", WHEEL]) == 45
    assert f"nothing says what {WHEEL} was made with" in capsys.readouterr().err
    assert not (here / "cache" / "reproduce").exists()


@pytest.mark.parametrize(
    "words", [["a.whl", "b.whl"], ["a.whl", "--json"], ["a.whl", "--archs", "8.0"], ["a.whl", "--backend", "host"]]
)
def test_what_does_not_go_together_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *words]) == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "²/3"])
def test_a_share_is_a_shard(shard: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["reproduce", "cu124", f"--shard={shard}"])
    assert caught.value.code == 2
