"""What a workflow file says, each part with the line it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class Breakage(Exception):  # noqa: N818 - what a rehearsal looks for
    """The workflow cannot work as it is written; the message names file and line."""


@dataclass(frozen=True)
class Where:
    """A line of a file, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def breaks(self, what: str) -> Breakage:
        return Breakage(f"{self}: {what}")


@dataclass(frozen=True)
class Expression:
    """What stands in ``${{ }}``; text around it has become a call of ``format``."""

    text: str


Scalar = str | float | bool | None | Expression
Value = Scalar | tuple["Tree", ...] | dict[str, "Tree"]


@dataclass(frozen=True)
class Tree:
    """A scalar, a sequence or a mapping."""

    where: Where
    value: Value

    @classmethod
    def of(cls, plain: Mapping[str, Any], file: str) -> Tree:
        """Take what the bridge to GitHub's parser gives."""
        where = Where(file, plain["line"])
        if "map" in plain:
            return cls(where, {key: cls.of(one, file) for key, one in plain["map"]})
        if "seq" in plain:
            return cls(where, tuple(cls.of(one, file) for one in plain["seq"]))
        return cls(where, Expression(plain["expression"]) if "expression" in plain else plain["value"])

    @property
    def map(self) -> dict[str, Tree]:
        if not isinstance(self.value, dict):
            raise self.where.breaks("a mapping is wanted here")
        return self.value

    @property
    def seq(self) -> tuple[Tree, ...]:
        if not isinstance(self.value, tuple):
            raise self.where.breaks("a sequence is wanted here")
        return self.value

    @property
    def text(self) -> str:
        """Give a literal text."""
        if not isinstance(self.value, str):
            raise self.where.breaks("a text without expressions is wanted here")
        return self.value

    @property
    def texts(self) -> tuple[str, ...]:
        """Give one literal text or several."""
        return tuple(one.text for one in self.value) if isinstance(self.value, tuple) else (self.text,)

    def known(self, *keys: str) -> dict[str, Tree]:
        """Give the mapping, which may have these keys only."""
        for key, one in self.map.items():
            if key not in keys:
                raise one.where.breaks(f"{key!r} is not rehearsed here")
        return self.map

    def expressions(self) -> Iterator[tuple[Where, str]]:
        """Give all expressions in it and below; a condition is one without ``${{ }}`` too."""
        if isinstance(self.value, Expression):
            yield self.where, self.value.text
        elif isinstance(self.value, tuple):
            for one in self.value:
                yield from one.expressions()
        elif isinstance(self.value, dict):
            for key, one in self.value.items():
                if key == "if" and isinstance(one.value, str):
                    yield one.where, one.value
                yield from one.expressions()


EMPTY = Tree(Where("", 0), {})
