import pytest

from factory.errors import DiskFullError, ImageError
from factory.image.check import last_lines, must
from factory.system.process import Completed


def ended(status: int, stdout: str = "", stderr: str = "") -> Completed:
    return Completed(argv=("tar",), status=status, stdout=stdout, stderr=stderr)


def test_what_ended_well_is_no_failure() -> None:
    must(ended(0, stderr="warning"), "it failed")


def test_a_failure_tells_the_program_s_last_words() -> None:
    with pytest.raises(ImageError, match="it failed") as raised:
        must(ended(2, "packing\n\n", "tar: broken\n"), "it failed")
    assert raised.value.why == ("packing", "tar: broken")


def test_a_silent_one_tells_its_status() -> None:
    with pytest.raises(ImageError, match="status 137"):
        must(ended(137), "it failed")


def test_a_full_disk_is_told_whatever_was_said_after_it() -> None:
    with pytest.raises(DiskFullError) as raised:
        must(ended(1, "x: No space left on device\n" + "E: more\n" * 9), "it failed")
    assert raised.value.why == ("x: No space left on device",)


def test_words_are_cut_to_what_can_be_read() -> None:
    lines = last_lines("\n".join(["a" * 5000] * 50))
    assert len(lines) < 10
    assert max(map(len, lines)) < 400
