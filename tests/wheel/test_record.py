from __future__ import annotations

import csv

import pytest

from factory.wheel.record import with_members

ROWS = b'a.py,sha256=x,1\n"b,c.py",sha256=y,2\nMETADATA,sha256=old,3\nRECORD,,\n'
DIGEST = "sha256=A6xnQhbz4Vx2HuGl4lXwZ5U2I8iziLRFnhP5eNfIRvQ"


def test_rows_are_renewed_and_added_and_no_other_changes() -> None:
    made = with_members(ROWS, renewed={"METADATA": b"1234"}, added={"new": b"1234"})
    rows = list(csv.reader(made.decode().splitlines()))
    assert rows[0] == ["new", DIGEST, "4"]
    assert rows[1:3] + rows[4:] == [["a.py", "sha256=x", "1"], ["b,c.py", "sha256=y", "2"], ["RECORD", "", ""]]
    assert rows[3] == ["METADATA", DIGEST, "4"]


@pytest.mark.parametrize(
    ("renewed", "added", "said"), [("lost", "new", "does not list lost once"), ("a.py", "RECORD", "lists RECORD alre")]
)
def test_what_does_not_fit_its_rows_is_refused(renewed: str, added: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_members(ROWS, renewed={renewed: b""}, added={added: b""})
