"""The files by which a step tells GitHub something: GITHUB_OUTPUT and its kin."""

from __future__ import annotations

from collections.abc import Iterator


def assignments(text: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` lines and ``NAME<<WORD`` blocks. Raises ValueError for others, as GitHub's runner does."""
    lines = iter(text.splitlines())
    found: dict[str, str] = {}
    for line in lines:
        if not line:
            continue
        plain, block = line.find("="), line.find("<<")
        if block > 0 and (plain < 0 or block < plain):
            found[line[:block]] = _block(line[block + 2 :], lines)
        elif plain > 0:
            found[line[:plain]] = line[plain + 1 :]
        else:
            msg = f"invalid format: {line!r}"
            raise ValueError(msg)
    return found


def _block(word: str, lines: Iterator[str]) -> str:
    found: list[str] = []
    for line in lines:
        if line == word:
            return "\n".join(found)
        found.append(line)
    msg = f"the block's end {word!r} does not come"
    raise ValueError(msg)
