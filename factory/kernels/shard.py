"""A share of a kernel set, the same on every machine, so that N machines compile N disjoint shares."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factory.kernels.unit import Unit


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The share ``number`` (from 1) of ``of``."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that ``2/8`` names. Raises ValueError saying what a shard looks like."""
        match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text.strip())
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            msg = f"{text!r} is not a shard; write it like 2/8, the second of eight"
            raise ValueError(msg)
        return cls(number=int(match[1]), of=int(match[2]))

    def __str__(self) -> str:
        """Return the spelling ``parse`` reads."""
        return f"{self.number}/{self.of}"


def share(units: Sequence[Unit], shard: Shard, seconds: Callable[[Unit], float]) -> tuple[Unit, ...]:
    """Return the units of ``shard``: each shard takes about as many ``seconds`` as any other.

    ``seconds`` must not depend on the machine, for all shards must cut the set alike. The longest unit goes
    to the shard that has least so far.
    """
    loads = [0.0] * shard.of
    mine: set[str] = set()
    for unit in sorted(units, key=lambda unit: (-seconds(unit), unit.source)):
        least = loads.index(min(loads))
        loads[least] += seconds(unit)
        if least == shard.number - 1:
            mine.add(unit.source)
    return tuple(unit for unit in units if unit.source in mine)
