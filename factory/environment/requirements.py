"""What a cell's environment holds: the exact torch, and what building and importing flash-attn needs."""

from __future__ import annotations

from factory.matrix.model import Torch, TorchBuild
from factory.versions import cuda_token

# pip, wheel, setuptools, packaging, ninja: the guide's section 3; psutil: ``setup_requires`` of every
# sdist, which setuptools would fetch unhashed if it were missing; einops: ``install_requires``.
_TOOLS = ("einops", "ninja", "packaging", "pip", "psutil", "wheel")


def torch_requirement(torch: Torch) -> str:
    """Return the requirement of the exact torch: ``torch==2.6.0``."""
    return f"torch=={torch.release}"


def tool_requirements(torch: Torch) -> tuple[str, ...]:
    """Return the requirements of the build tools, setuptools as this torch's extension builder wants it."""
    return (*_TOOLS, f"setuptools{torch.setuptools}")


def lock_name(torch: Torch, build: TorchBuild) -> str:
    """Return the name of the lock file of a torch build: ``torch-2.6.0-cu124.txt``."""
    return f"torch-{torch.release}-{cuda_token(build.cuda)}.txt"
