"""What a cell's environment holds: the exact torch, and what building and importing flash-attn needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from factory.matrix.model import Torch, TorchBuild
from factory.versions import cuda_token

# pip, wheel, setuptools, packaging, ninja: the guide's section 3; psutil: ``setup_requires`` of every
# sdist, which setuptools would fetch unhashed if it were missing; einops: ``install_requires``.
_TOOLS = ("einops", "ninja", "packaging", "pip", "psutil", "wheel")

# A requirement of a lock file with the lines of its hashes, and where it is for.
_ENTRY = re.compile(r"^\S.*\n(?:[ \t].*\n)*", re.MULTILINE)
_MARKER = re.compile(r" *;[^\\\n]*")


def torch_requirement(torch: Torch) -> str:
    """Return the requirement of the exact torch: ``torch==2.6.0``."""
    return f"torch=={torch.release}"


def tool_requirements(torch: Torch) -> tuple[str, ...]:
    """Return the requirements of the build tools, setuptools as this torch's extension builder wants it."""
    return (*_TOOLS, f"setuptools{torch.setuptools}")


def runtime_requirement(build: TorchBuild) -> str:
    """Return the requirement of the runtime of the CUDA of ``build``: ``nvidia-cuda-runtime==13.0.*``."""
    return f"nvidia-cuda-runtime=={build.cuda}.*"


def only(requirements: Iterable[str], lock: str) -> str:
    """Return what the lock file's text ``lock`` has of ``requirements``, exact and with hashes, for any machine.

    Raises KeyError where it lacks one of them.
    """
    entries = {entry.partition("==")[0]: entry for entry in _ENTRY.findall(lock)}
    return "".join(_MARKER.sub("", entries[line.partition("==")[0]]) for line in requirements)


def lock_name(torch: Torch, build: TorchBuild) -> str:
    """Return the name of the lock file of a torch build: ``torch-2.6.0-cu124.txt``."""
    return f"torch-{torch.release}-{cuda_token(build.cuda)}.txt"
