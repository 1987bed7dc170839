from pathlib import Path

import pytest

from factory.system import files


def test_a_file_is_replaced_and_everyone_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("one\n", "zwölf\n"):
        files.write(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken" / "in").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        files.write(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    with pytest.raises(OSError, match="none"):
        files.write(tmp_path / "none" / "a.json", "text")
