import shutil
from pathlib import Path

import pytest

from factory.system import disk


@pytest.mark.parametrize("text", ["x.o: No space left on device", "a\nOSError: [Errno 122] Disk quota exceeded\nb"])
def test_a_program_that_names_it(text: str) -> None:
    assert disk.named(text)
    assert not disk.named("fatal error: x.h: No such file or directory")


def test_a_disk_with_room_is_not_full(tmp_path: Path) -> None:
    assert not disk.filled(tmp_path)


def test_less_room_than_was_written_is_full(tmp_path: Path) -> None:
    """A file with a hole has its size without taking the room."""
    with (tmp_path / "written").open("wb") as file:
        file.truncate(2 * shutil.disk_usage(tmp_path).free)
    assert disk.filled(tmp_path)
