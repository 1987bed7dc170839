"""What the trial runs on."""

from __future__ import annotations

import platform
from importlib import metadata

import torch

from factory.gpu_test.trial.request import Request


def facts(request: Request) -> dict[str, str | None]:
    """Return which GPU, torch, CUDA, Python and flash-attn these are; None for what is not there.

    torch cannot tell the driver's version.
    """
    seen = request.device == "cuda" and torch.cuda.is_available()
    return {
        "gpu": torch.cuda.get_device_name() if seen else None,
        "capability": "{}.{}".format(*torch.cuda.get_device_capability()) if seen else None,
        "driver": None,
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "flash_attn": _installed("flash-attn"),
    }


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None
