"""The picture of the README: CPU time of each way, one bar a step, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench.ratio import Row
from bench.step import Measured
from factory.output.progress import duration

_BARS = {
    "upstream": "upstream's way, one wheel",
    "cold": "factory, first wheel",
    "python": "one more Python",
    "torch": "one more torch",
    "class": "one more torch and CUDA 12",
}


def draw(rows: Sequence[Row], found: Mapping[str, Measured], path: Path) -> None:
    """Draw CPU minutes of whole smoke cells as SVG into ``path``, the ratios beneath. Raises OSError."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    names = [name for name in _BARS if name in found]
    minutes = [found[name].cpu_seconds / 60 for name in names]
    bars = axes.barh([_BARS[name] for name in names], minutes, color=["#9a9a9a", *["#2f6fb0"] * (len(names) - 1)])
    axes.bar_label(bars, [duration(found[name].cpu_seconds) for name in names], padding=4)
    axes.invert_yaxis()
    axes.set_xlabel("CPU minutes, smoke profile, CUDA 12.4, architectures 8.0 and 9.0")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    figure.savefig(path, metadata={"Date": None, "Description": "; ".join(row.line() for row in rows)})
