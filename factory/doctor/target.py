"""What a machine is held to: the guide's recommended environment, or a cell of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factory.doctor.versionbound import Bound, series
from factory.matrix.model import FULL, Cell, Matrix, Torch, TorchBuild
from factory.plan.room import Want


@dataclass(frozen=True, kw_only=True)
class Guide:
    """The guide's environment: bounds, the oldest cuDNN, the build tools, its MAX_JOBS, its commands."""

    cuda: Bound
    torch: Bound
    python: Bound
    cudnn: str
    tools: tuple[str, ...]
    max_jobs: int
    install_torch: str
    install_tools: str

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Guide:
        """Return what the parsed ``guide.toml`` recommends. Raises KeyError where it lacks one of its keys."""
        bounds = {
            name: Bound(minimum=table[name]["minimum"], wanted=table[name]["recommended"])
            for name in ("cuda", "torch", "python")
        }
        return cls(
            **bounds,
            cudnn=table["cudnn"]["minimum"],
            tools=tuple(table["tools"]["names"]),
            max_jobs=table["jobs"]["max_jobs"],
            install_torch=table["torch"]["command"],
            install_tools=table["tools"]["command"],
        )


@dataclass(frozen=True, kw_only=True)
class Target:
    """What building by hand is held to. ``cxx11abi`` is None where either will do."""

    name: str
    cuda: Bound
    torch: Bound
    python: Bound
    cxx11abi: bool | None
    install_torch: str
    guide: Guide

    @property
    def selector(self) -> str:
        """What to type to have the factory build for it."""
        if self.cxx11abi is not None:
            return self.name
        cuda, python = (bound.wanted.replace(".", "") for bound in (self.cuda, self.python))
        return f"cu{cuda} torch{series(self.torch.wanted)} cp{python}"

    @classmethod
    def of_guide(cls, guide: Guide) -> Target:
        """Return a target that takes the guide's word for all of it."""
        return cls(
            name="the guide's recommended environment",
            cuda=guide.cuda,
            torch=guide.torch,
            python=guide.python,
            cxx11abi=None,
            install_torch=guide.install_torch,
            guide=guide,
        )

    @classmethod
    def of_cell(cls, cell: Cell, matrix: Matrix, guide: Guide) -> Target:
        """Return a target that asks for what ``cell`` says, and of the guide the rest."""
        torch = matrix.torch[cell.torch]
        build = matrix.build_of(cell)
        return cls(
            name=spelt(cell, matrix),
            cuda=Bound(wanted=cell.cuda),
            torch=Bound(wanted=cell.torch),
            python=Bound(wanted=cell.python),
            cxx11abi=cell.cxx11abi,
            install_torch=install_command(torch, build),
            guide=guide,
        )


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a build takes: the oldest g++, bytes of memory for one compile of the factory's and of upstream's.

    ``wants`` are what the factory's build puts on disks.
    """

    oldest_gcc: int
    unit: int
    hand_job: int
    wants: tuple[Want, ...] = ()

    @classmethod
    def read(cls, table: Mapping[str, Any], *, unit: int) -> Needs:
        """Return what the parsed ``doctor.toml`` says. Raises KeyError where it lacks one of its keys."""
        return cls(oldest_gcc=table["oldest_gcc"], unit=unit, hand_job=table["hand_job_bytes"])


def install_command(torch: Torch, build: TorchBuild) -> str:
    """Return the command that installs ``build`` of ``torch``, as the guide has it."""
    index = f" --index-url {build.index_url}" if build.index_url else ""
    return f"pip3 install torch=={torch.release}{index}"


def spelt(cell: Cell, matrix: Matrix) -> str:
    """Return the tokens of a cell and the options that mean the same cell again when typed."""
    profile = "" if cell.profile == FULL else f" --profile {cell.profile}"
    usual = cell.archs == matrix.archs_of(cell.cuda, cell.machine)
    return cell.id + profile + ("" if usual else f" --archs {','.join(map(str, cell.archs))}")
