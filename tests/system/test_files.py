from __future__ import annotations

from pathlib import Path

from factory.system import files

UNSEEN = Path("/") / ("x" * 300)  # no system call takes so long a name: an error for root too


def test_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text \xff")
    assert files.is_file(tmp_path / "a")
    assert files.is_directory(tmp_path)
    assert files.text_of(tmp_path / "a") == "text \N{REPLACEMENT CHARACTER}"
    assert files.matching(tmp_path, "*") == [tmp_path / "a"]


def test_what_cannot_be_read_is_absent(tmp_path: Path) -> None:
    assert not files.is_file(UNSEEN / "a")
    assert not files.is_directory(UNSEEN)
    assert files.text_of(UNSEEN) is None
    assert files.text_of(tmp_path) is None
    assert files.matching(UNSEEN, "*/a") == []
