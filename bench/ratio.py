"""What was measured, as the ratios that matter, each beside the target it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.step import Measured


@dataclass(frozen=True, kw_only=True)
class Row:
    """A ratio of CPU seconds and the most it should be."""

    what: str
    of: str
    ratio: float
    target: float

    def line(self) -> str:
        """Return it as a line."""
        verdict = "met" if self.ratio <= self.target else "MISSED"
        return f"{self.what}: {self.ratio:.3f} of {self.of} (target {self.target:.3f}, {verdict})"


@dataclass(frozen=True, kw_only=True)
class _Ratio:
    """A ratio as sums of steps over a step."""

    what: str
    of: str
    steps: tuple[str, ...]
    base: str
    target: float


_SAMPLE = "one architecture alone, by unit"
_RATIOS = (
    _Ratio(what="pool cold, 80;90", of="upstream's way", steps=("cold",), base="upstream", target=0.6),
    _Ratio(what="a second Python", of="a cold cell", steps=("python",), base="cold", target=1 / 40),
    _Ratio(what="a second torch", of="a cold cell", steps=("torch",), base="cold", target=1 / 40),
    _Ratio(what="a second CUDA minor", of="a cold cell", steps=("minor",), base="cold", target=1 / 40),
    _Ratio(what="a second torch class and CUDA", of="a cold cell", steps=("class",), base="cold", target=1 / 40),
    _Ratio(what="ten cells", of="a cold cell", steps=("cold", "ten"), base="cold", target=1.3),
    _Ratio(
        what="two architectures at once",
        of=_SAMPLE,
        steps=("two at once",),
        base="one architecture",
        target=1.15,
    ),
    _Ratio(
        what="a second architecture later, both together",
        of=_SAMPLE,
        steps=("one architecture", "second later"),
        base="one architecture",
        target=1.15,
    ),
)


def rows(found: Mapping[str, Measured]) -> tuple[Row, ...]:
    """Return the ratios whose steps were all measured; ``found`` has what each took."""
    cpu = {name: taken.cpu_seconds for name, taken in found.items()}
    return tuple(
        Row(what=row.what, of=row.of, ratio=sum(cpu[step] for step in row.steps) / cpu[row.base], target=row.target)
        for row in _RATIOS
        if cpu.keys() >= {row.base, *row.steps}
    )


def full_sample(proof: Mapping[str, Any]) -> Row:
    """Return the ratio of the full profile from a proof of it: a sample, which stands for the whole by extrapolation.

    Raises KeyError where ``proof`` is not the JSON of one.
    """
    units = proof["units"]
    pool = sum(unit["cpu_seconds_pool"] for unit in units)
    plain = sum(unit["cpu_seconds_plain"] for unit in units)
    return Row(
        what=f"full profile, extrapolated from {len(units)} units, 80;90",
        of="the same units upstream's way",
        ratio=pool / plain,
        target=0.6,
    )
