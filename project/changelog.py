"""What ``CHANGELOG.md`` says of one version."""

from __future__ import annotations

import re

_HEADING = re.compile(r"^## (?P<version>\S+) \((?P<when>[^)]*)\)$", re.MULTILINE)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def section(text: str, version: str) -> str:
    """Return what stands under the heading of ``version``, ``## 0.1.0 (2026-12-01)``, without the heading.

    Raises ValueError where there is none or it is there twice, has no day, or has nothing under it.
    """
    headings = list(_HEADING.finditer(text))
    mine = [found for found in headings if found["version"] == version]
    if len(mine) != 1:
        raise ValueError(f"CHANGELOG.md has {len(mine) or 'no'} headings like: ## {version} (2026-12-01)")
    (heading,) = mine
    if _DAY.fullmatch(heading["when"]) is None:
        raise ValueError(f"CHANGELOG.md says of {version} {heading['when']!r} in place of the day of its release")
    ends = (found.start() for found in headings if found.start() > heading.start())
    under = text[heading.end() : min(ends, default=len(text))].strip()
    if not under:
        raise ValueError(f"CHANGELOG.md says nothing of {version}")
    return f"{under}\n"
