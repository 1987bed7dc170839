"""The rows of a wheel's RECORD, changed along with its members.

Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Mapping


def with_members(text: bytes, *, renewed: Mapping[str, bytes], added: Mapping[str, bytes]) -> bytes:
    """Return ``text``, a RECORD, with digest and size in bytes of the members ``renewed`` and ``added``, by path.

    Rows that are added come first. Raises ValueError where a member to renew is not listed once, or one to add is.
    """
    rows = [row for row in csv.reader(io.StringIO(text.decode("utf-8"))) if row]
    paths = [row[0] for row in rows]
    if wrong := [path for path in renewed if paths.count(path) != 1]:
        raise ValueError(f"RECORD does not list {', '.join(wrong)} once")
    if twice := [path for path in added if path in paths]:
        raise ValueError(f"RECORD lists {', '.join(twice)} already")
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerows(_row(path, content) for path, content in added.items())
    writer.writerows(_row(row[0], renewed[row[0]]) if row[0] in renewed else row for row in rows)
    return made.getvalue().encode()


def _row(path: str, content: bytes) -> list[str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return [path, f"sha256={digest}", str(len(content))]
