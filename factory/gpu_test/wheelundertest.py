"""A finished wheel under test: what of the file a test needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from factory.errors import AuditError
from factory.matrix.wheelname import WheelName
from factory.wheel import read as wheelfile
from factory.wheel.facts import Extension, WheelFacts
from factory.wheel.fatbin import GpuCode


@dataclass(frozen=True, kw_only=True)
class WheelUnderTest:
    """The wheel, as far as the test needs to know it; ``extension`` is its module's path inside."""

    path: Path
    name: WheelName
    sha256: str
    images: frozenset[GpuCode]
    compressions: tuple[str, ...]
    extension: str


def read(wheel: Path) -> WheelUnderTest:
    """Return the wheel's name, hash and GPU code. Raises AuditError where it is no wheel with one extension."""
    facts, module = _open(wheel)
    if facts.name is None:
        raise _untestable(wheel, "its name says neither CUDA nor torch")
    return WheelUnderTest(
        path=wheel,
        name=facts.name,
        sha256=facts.sha256,
        images=module.images,
        compressions=module.compressions,
        extension=module.path,
    )


def extension(wheel: Path) -> Extension:
    """Return the extension module in a wheel of any name.

    Raises AuditError where it has not exactly one.
    """
    return _open(wheel)[1]


def _open(wheel: Path) -> tuple[WheelFacts, Extension]:
    """Read a wheel and its extension. Raises AuditError where it does not have exactly one."""
    facts = wheelfile.read(wheel, wheelfile.rules(), build_paths=())
    modules = [extension for extension in facts.extensions if extension.is_module]
    if facts.problems or len(modules) != 1:
        raise _untestable(wheel, *(facts.problems or ["it does not have one extension module"]))
    return facts, modules[0]


def _untestable(wheel: Path, *why: str) -> AuditError:
    remedy = f"See all that is wrong with it: nox -s audit -- {wheel}"
    return AuditError(f"{wheel} is no flash-attn wheel that can be tested", why=why, remedy=remedy)
