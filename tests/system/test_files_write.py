import sys
from pathlib import Path

import pytest

from factory.errors import DiskFullError
from factory.system import disk, files, process


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


def test_a_finished_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    made, final = tmp_path / "made", tmp_path / "dist" / "a.whl"
    made.write_bytes(b"wheel")
    files.deliver(made, final)
    assert final.read_bytes() == b"wheel"
    assert final.stat().st_mode & 0o777 == 0o644
    with pytest.raises(OSError, match="none"):
        files.deliver(tmp_path / "none", final)
    assert [path.name for path in final.parent.iterdir()] == ["a.whl"]


FULL = """
import resource, sys
from pathlib import Path
from factory.errors import FactoryError
from factory.errors import DiskFullError
from factory.system import disk, files, process
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
files.deliver(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    made, final = tmp_path / "made", tmp_path / "dist" / "a.whl"
    made.write_bytes(b"x" * 10_000)
    done = process.run([sys.executable, "-c", FULL, made, final])
    assert "File too large" in done.stderr
    assert list(final.parent.iterdir()) == []


def test_a_full_disk_has_a_name(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.touch()
    with pytest.raises(DiskFullError, match="takes no more"), disk.emptied(draft), Path("/dev/full").open("wb") as sink:
        sink.write(b"x" * 100_000)
    assert not draft.exists()
