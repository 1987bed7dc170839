"""What long work looks like at one moment, and the line that says it."""

from __future__ import annotations

from dataclasses import dataclass

_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Translation units done of all, those compiling now, seconds gone and to go, bytes of memory."""

    done: int
    total: int
    running: tuple[str, ...]
    elapsed: float
    remaining: float
    memory_used: int
    memory_total: int

    def line(self) -> str:
        """Return it as one line: ``12/84 units · 2m10s, about 13m to go · 7.2/23.4 GB · flash_fwd_…``."""
        shown = ", ".join(self.running[:_SHOWN])
        more = f" and {len(self.running) - _SHOWN} more" if len(self.running) > _SHOWN else ""
        return (
            f"{self.done}/{self.total} units · {duration(self.elapsed)}, about {duration(self.remaining)} to go · "
            f"{gigabytes(self.memory_used)}/{gigabytes(self.memory_total)} GB · {shown}{more}"
        )


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Bytes of the file ``name`` that are here of all, None if nobody said how many, and seconds since it began."""

    name: str
    done: int
    total: int | None
    elapsed: float

    def line(self) -> str:
        """Return it as one line: ``torch.whl: 41.2 MB of 1.9 GB · 2 % · 2m10s``."""
        of = f" of {short(self.total)} · {100 * self.done // self.total} %" if self.total else ""
        return f"{self.name}: {short(self.done)}{of} · {duration(self.elapsed)}"


def duration(seconds: float) -> str:
    """Return seconds as people write them: ``45s``, ``2m10s``, ``3h05m``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if whole < 60:
        return f"{whole}s"
    return f"{minutes}m{rest:02d}s" if whole < 3600 else f"{minutes // 60}h{minutes % 60:02d}m"


def gigabytes(size: int) -> str:
    """Return bytes as gigabytes (10^9) with one decimal: ``7.2``."""
    return f"{size / 1e9:.1f}"


def amount(size: int) -> str:
    """Return bytes for programs and for people: ``41231204 bytes (41.2 MB)``, ``(1.9 GB)`` from 10^9 on."""
    return f"{size} bytes ({short(size)})"


def short(size: int) -> str:
    """Return bytes for people alone: ``41.2 MB``, ``1.9 GB`` from 10^9 on."""
    return f"{gigabytes(size)} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def counted(count: int, noun: str) -> str:
    """Return ``1 wheel`` and ``2 wheels``; ``noun`` is one that takes an s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """Return the verb of so many things: ``1 wheel is``, ``2 wheels are``."""
    return "is" if count == 1 else "are"


def were(count: int) -> str:
    """Return the verb of so many things then: ``1 wheel was``, ``2 wheels were``."""
    return "was" if count == 1 else "were"
