import os
from pathlib import Path

import pytest

from factory.diagnose import logfile
from factory.errors import UsageError


def test_a_log_comes_in_blocks(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 5_000_000)
    assert [len(block) for block in logfile.blocks(log)] == [4_194_304, 805_696]


def test_the_newest_log_is_the_one_written_last(tmp_path: Path) -> None:
    (tmp_path / "logs" / "kernels-1").mkdir(parents=True)
    older, newer = tmp_path / "logs" / "wheel.log", tmp_path / "logs" / "kernels-1" / "a.log"
    for age, path in enumerate((newer, older)):
        path.touch()
        os.utime(path, (100 - age, 100 - age))
    (tmp_path / "logs" / "kernels-1" / "a.json").touch()
    assert logfile.newest(tmp_path) == newer


def test_no_log_and_no_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no log in"):
        logfile.newest(tmp_path)
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="cannot be read"):
            list(logfile.blocks(path))
