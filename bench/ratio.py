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
        """Say it in a line."""
        verdict = "met" if self.ratio <= self.target else "MISSED"
        return f"{self.what}: {self.ratio:.3f} of {self.of} (target {self.target:.3f}, {verdict})"


def rows(found: Mapping[str, Measured]) -> tuple[Row, ...]:
    """Give the ratios; ``found`` has what every step took."""
    cpu = {name: taken.cpu_seconds for name, taken in found.items()}
    sample = "one architecture alone, by unit"
    return (
        Row(what="pool cold, 80;90", of="upstream's way", ratio=cpu["cold"] / cpu["upstream"], target=0.6),
        Row(what="a second Python", of="a cold cell", ratio=cpu["python"] / cpu["cold"], target=1 / 40),
        Row(what="a second torch", of="a cold cell", ratio=cpu["torch"] / cpu["cold"], target=1 / 40),
        Row(what="ten cells", of="a cold cell", ratio=(cpu["cold"] + cpu["ten"]) / cpu["cold"], target=1.3),
        Row(
            what="two architectures at once",
            of=sample,
            ratio=cpu["two at once"] / cpu["one architecture"],
            target=1.15,
        ),
        Row(
            what="a second architecture later, both together",
            of=sample,
            ratio=(cpu["one architecture"] + cpu["second later"]) / cpu["one architecture"],
            target=1.15,
        ),
    )


def full_sample(proof: Mapping[str, Any]) -> Row:
    """Give the ratio of the full profile from a proof of it: a sample, which stands for the whole by extrapolation."""
    units = proof["units"]
    pool = sum(unit["cpu_seconds_pool"] for unit in units)
    plain = sum(unit["cpu_seconds_plain"] for unit in units)
    return Row(
        what=f"full profile, extrapolated from {len(units)} units, 80;90",
        of="the same units upstream's way",
        ratio=pool / plain,
        target=0.6,
    )
