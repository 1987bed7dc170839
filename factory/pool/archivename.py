"""What an archive of a kernel set looks like: names of its members, its own name, and how a large set is split.

It is a plain tar, ``objects/SHA256`` first, then ``parts/KEY.json``, then ``sets/NAME.json``: what is
recorded always lies before its record. Every archive of a split set can be read without the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

# GitHub refuses a release asset of 2 GiB or more, 2 147 483 648 bytes. What cannot be compressed grows under
# zstd, by 1/256 at most (ZSTD_compressBound): 2 000 000 000 bytes of tar stay under it whatever they hold.
LIMIT = 2_000_000_000
BLOCK = 512  # bytes; a tar is made of such blocks
END = 10_752  # bytes; a tar ends in two blocks of zeros, and more of them up to a multiple of 10 240
SUFFIX = ".tar.zst"

# A plain tar header (ustar) holds a file name of 100 bytes.
_MEMBER = re.compile(
    r"(?P<object>objects/[0-9a-f]{64})"
    r"|(?P<part>parts/[0-9a-f]{64}\.json)"
    r"|(?P<set>sets/kernels-[0-9A-Za-z._+-]{1,87}\.json)"
)

Kind = Literal["object", "part", "set"]
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Member:
    """A file of an archive: what it is, and its sha256, key or set name."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> Member:
        """Return what a member's name says. Raises ValueError for a name that no export writes."""
        match = _MEMBER.fullmatch(text)
        if match is None:
            msg = f"{text[:200]!r} is not the name of an object, a part or a set"
            raise ValueError(msg)
        name = text.split("/")[1].removesuffix(".json")
        if match["object"]:
            return cls(kind="object", name=name)
        return cls(kind="part" if match["part"] else "set", name=name)

    def __str__(self) -> str:
        """Return the name ``parse`` reads."""
        return f"objects/{self.name}" if self.kind == "object" else f"{self.kind}s/{self.name}.json"


def stored(size: int) -> int:
    """Return how many bytes a file of ``size`` bytes takes in a tar: a header and its content in blocks of 512."""
    return BLOCK + -(-size // BLOCK) * BLOCK


def split(items: Iterable[Item], size: Callable[[Item], int], limit: int) -> list[list[Item]]:
    """Return ``items`` cut into runs whose sizes sum to at most ``limit``, in order; there is always a run, if empty.

    Raises ValueError where one item alone is larger.
    """
    runs: list[list[Item]] = [[]]
    left = limit
    for item in items:
        takes = size(item)
        if takes > limit:
            msg = f"{takes} bytes do not fit into an archive of {limit}"
            raise ValueError(msg)
        if takes > left:
            runs.append([])
            left = limit
        runs[-1].append(item)
        left -= takes
    return runs


def file_names(name: str, count: int) -> list[str]:
    """Return names for ``count`` archives of the set ``name``: ``NAME.tar.zst``, or ``NAME.1of2.tar.zst`` and so on."""
    if count == 1:
        return [f"{name}{SUFFIX}"]
    return [f"{name}.{number}of{count}{SUFFIX}" for number in range(1, count + 1)]
