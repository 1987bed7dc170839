"""A directory that looks like a CUDA toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from factory.matrix.model import Toolkit
from factory.toolkit.toolkit import FILES, TOOLS


def make(home: Path, *, release: str = "12.4.131", without: Sequence[str] = ()) -> Path:
    """Put every file there but those ``without``; nvcc says its release and nothing else."""
    for place in [*(places[0] for places in (*TOOLS, *FILES)), "bin/nvcc.profile"]:
        if place not in without:
            (home / place).parent.mkdir(parents=True, exist_ok=True)
            (home / place).write_text(f"content of {place}\n")
    for tool in (places[0] for places in TOOLS if places[0] not in without):
        (home / tool).chmod(0o755)
    if "bin/nvcc" not in without:
        says = f"Cuda compilation tools, release {release.rpartition('.')[0]}, V{release}"
        (home / "bin/nvcc").write_text(f"#!/bin/sh\necho '{says}'\n")
    return home


def row(newest_gcc: int) -> Toolkit:
    """Give what a matrix says of CUDA 12.4, as far as a host compiler depends on it."""
    return Toolkit(
        version="12.4",
        targets=(),
        newest_gcc=newest_gcc,
        archs=(),
        kernels=("12.4",),
        front_end={},
        minimum_driver=525,
        image=None,
    )
