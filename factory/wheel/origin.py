"""The rows of the matrix that a finished wheel's name speaks of."""

from __future__ import annotations

from factory.errors import CellError
from factory.matrix.model import Matrix, Profile, Torch, TorchBuild
from factory.matrix.wheelname import WheelName


def torch_of(name: WheelName, matrix: Matrix) -> tuple[Torch, TorchBuild]:
    """Return the torch build it is for; of several minors of its CUDA the published one.

    Raises CellError where the matrix has none with that CUDA major, ABI and Python.
    """
    torch = matrix.torch.get(name.torch)
    fitting = [build for build in (torch.builds if torch else ()) if _fits(name, build, matrix)]
    if torch is None or not fitting:
        raise CellError(
            f"matrix.yaml has no torch that {name.filename} is for",
            why=[f"its name asks for torch {name.torch}, CUDA {name.cuda_major}, Python {name.python}"],
            remedy="See what there is with: nox -s plan. With --no-install an interpreter that is here is used.",
        )
    return torch, max(fitting, key=lambda build: build.published)


def profile_of(name: WheelName, matrix: Matrix) -> Profile:
    """Return the profile it was built with. Raises CellError where the matrix has none of that name."""
    if name.profile not in matrix.profiles:
        raise CellError(
            f"matrix.yaml has no profile {name.profile!r}, so what the wheel should refuse is not known",
            why=[f"{known.name}: {known.summary}" for known in matrix.profiles.values()],
            remedy="Add the profile to matrix.yaml, or test the wheel in the repository that built it.",
        )
    return matrix.profiles[name.profile]


def _fits(name: WheelName, build: TorchBuild, matrix: Matrix) -> bool:
    same_major = matrix.toolkits[build.cuda].major == name.cuda_major
    return same_major and build.cxx11abi == name.cxx11abi and name.python in build.pythons
