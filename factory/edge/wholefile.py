"""Writes a text file whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Put ``text`` at ``path``, for everyone to read. Raises OSError, and leaves what was there, where it cannot."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as sink:
        draft = Path(sink.name)
        try:
            sink.write(text)
            sink.flush()
            draft.chmod(0o644)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
