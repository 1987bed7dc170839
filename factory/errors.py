"""One class per way to fail, each with its own exit status and its remedy.

Only ``factory.cli`` prints them; everything else raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One of several things that are wrong, each of which stands by itself.

    ``file`` and ``line`` (from 1) are where, empty and 0 where it is nowhere; ``remedy`` is empty where all of them
    have one.
    """

    said: str
    remedy: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Return it as one line: ``matrix.yaml:12: wheels.2.6: ...``."""
        return f"{self.file}:{self.line}: {self.said}" if self.file else self.said


class FactoryError(Exception):
    """A failure a person can act on.

    ``what`` happened, ``why`` (the evidence, one line each; where there are ``faults``, those), and ``remedy``: the
    next command to type or the next thing to change. Statuses 0 to 2 are left to success, crashes and usage.
    """

    status = 3

    def __init__(self, what: str, *, why: Sequence[str] = (), remedy: str = "", faults: Sequence[Fault] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = tuple(map(str, faults)) or tuple(why)
        self.remedy = remedy
        self.faults = tuple(faults)

    def __str__(self) -> str:
        """Return all three parts, a line each."""
        return "\n".join([self.what, *self.why, *([self.remedy] if self.remedy else [])])


class UsageError(FactoryError):
    """The command line is not one the factory understands."""

    status = 2


class MatrixError(FactoryError):
    """``matrix.yaml`` is not valid; ``why`` holds every complaint with its path and line."""

    status = 10


class SelectorError(FactoryError):
    """A selector token is unknown, contradictory or matches nothing."""

    status = 11


class CellError(FactoryError):
    """The selected cell exists but cannot be built, for the reason the matrix gives."""

    status = 12


class ToolkitError(FactoryError):
    """No complete CUDA toolkit of the wanted version is here or could be fetched."""

    status = 20


class InterpreterError(FactoryError):
    """No interpreter of the cell's Python version is on this machine."""

    status = 21


class EnvironmentInstallError(FactoryError):
    """torch or the build tools could not be installed into the cell's environment."""

    status = 22


class SourceError(FactoryError):
    """The source distribution is missing, has another hash, or cannot be read."""

    status = 23


class UnreachableError(FactoryError):
    """A service the step needs did not answer; the message names it."""

    status = 24


class DigestError(FactoryError):
    """Something downloaded or stored does not have the sha256 it must have."""

    status = 25


class HostCompilerError(FactoryError):
    """The host C++ compiler is missing or newer than the CUDA toolkit accepts."""

    status = 26


class EngineError(FactoryError):
    """No container engine answers, or the one that does cannot start a container."""

    status = 27


class ImageError(FactoryError):
    """A container image is not to be had, or is not what it must be."""

    status = 28


class KernelError(FactoryError):
    """A translation unit did not compile."""

    status = 30


class MemoryKillError(FactoryError):
    """A translation unit was killed for memory, also when it ran alone."""

    status = 31


class WheelBuildError(FactoryError):
    """The wheel step (the C++ file, the link, the packing) failed."""

    status = 32


class TorchHeadersError(FactoryError):
    """The target torch lays out what the kernels share with it in another way than their objects."""

    status = 33


class DiskFullError(FactoryError):
    """The disk holding the cache or the output is full, or has not the room for what is wanted there."""

    status = 34


class ProofError(FactoryError):
    """The pool's way does not give what upstream's way gives; ``why`` holds every difference."""

    status = 35


class ContainerError(FactoryError):
    """A container ended before its build did."""

    status = 36


class UnfinishedError(FactoryError):
    """The time limit came before the last unit; what is finished is kept."""

    status = 37


class LowMemoryError(FactoryError):
    """The machine has less memory and swap in all than one compile is expected to take."""

    status = 38


class AuditError(FactoryError):
    """The finished wheel has at least one finding; ``why`` holds all of them."""

    status = 40


class InstallError(FactoryError):
    """A finished wheel could not be installed or imported in a clean environment."""

    status = 41


class GpuError(FactoryError):
    """There is no NVIDIA GPU here, or its driver does not answer."""

    status = 42


class VerdictError(FactoryError):
    """The wheel did not pass its trial on a GPU, or a verdict is none; ``why`` holds every complaint."""

    status = 43


class UnfitError(FactoryError):
    """This machine is not ready for what was asked; ``why`` holds every problem."""

    status = 44


class ReportError(FactoryError):
    """No report beside a wheel speaks of it, or the report does not say what it was made with."""

    status = 45


class ReproduceError(FactoryError):
    """What was made again has other bytes; ``why`` says where, and by what the two builds differ."""

    status = 46


class PublishError(FactoryError):
    """A release could not be completed; what is in it already stays, and the same command goes on from there."""

    status = 50


class GateError(FactoryError):
    """At least one wheel must not be published; ``why`` holds every reason, and nothing was sent."""

    status = 51


class IndexShrinkError(FactoryError):
    """The index would lose wheels it has, or give another file under a name it has."""

    status = 52


class NoWheelError(FactoryError):
    """No published wheel fits the environment, or more than one does; ``why`` says on which axis."""

    status = 53


class UpdateError(FactoryError):
    """Something new could not be proposed; the issues opened already stay, and the same command goes on from there."""

    status = 54


class DryRunError(FactoryError):
    """A dry run was about to change something on GitHub, which is a mistake of the factory's; nothing was sent."""

    status = 55
