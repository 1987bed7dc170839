"""What the trial is asked to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

# Sizes that upstream builds kernels for: HEAD_DIMENSIONS in csrc/flash_attn/src/generate_kernels.py of each release.
_KERNELS = {
    "2.7": (32, 64, 96, 128, 160, 192, 256),
    "2.8": (32, 64, 96, 128, 192, 256),
}
_NEWEST = "2.8"


@dataclass(frozen=True)
class Request:
    """One group of cases, and what the wheel is.

    ``disabled`` has upstream's switches that the profile sets, ``beside`` the path of another build's extension
    to time against, ``others`` names and paths of extensions that have one form of GPU code only. The device is
    "cuda" but in tests of the trial itself.
    """

    group: str
    seed: int
    version: str
    disabled: frozenset[str] = frozenset()
    beside: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    device: str = "cuda"

    @property
    def kernels(self) -> tuple[int, ...]:
        """The head sizes that have kernels of their own; others are computed by the next larger one."""
        return _KERNELS.get(".".join(self.version.split(".")[:2]), _KERNELS[_NEWEST])


def read(path: str) -> Request:
    """Return the request that the file ``path`` holds. Raises OSError, ValueError or KeyError where it is none."""
    words = json.loads(Path(path).read_text(encoding="utf-8"))
    return Request(
        group=words["group"],
        seed=words["seed"],
        version=words["version"],
        disabled=frozenset(words["disabled"]),
        beside=words.get("beside"),
        others=tuple(words.get("others", {}).items()),
        device=words.get("device", "cuda"),
    )
