"""Whether this run may change anything on GitHub. Apart from what asks GitHub, so that a start need not load that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class _Held:
    dry_run = False


@contextlib.contextmanager
def rehearsing(*, dry_run: bool) -> Iterator[None]:
    """Within it, and with ``dry_run``, no connection that PyGithub opens sends what could change anything."""
    before, _Held.dry_run = _Held.dry_run, dry_run
    try:
        yield
    finally:
        _Held.dry_run = before


def is_dry() -> bool:
    """Return whether nothing may be changed now."""
    return _Held.dry_run
