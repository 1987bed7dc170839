"""The two checks of the build guide, and that there is a GPU to go on with."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial

import torch

from factory.gpu_test.trial.case import Trial
from factory.gpu_test.trial.request import Request
from factory.gpu_test.trial.rule import Result, passed_if


def trials(request: Request) -> Iterator[Trial]:
    """Yield the imports of the guide, and a question to the GPU."""
    yield Trial("flash_attn.__version__", partial(_version, request))
    yield Trial("from flash_attn import flash_attn_func", _function)
    yield Trial("a device torch can use", partial(_device, request))


def _version(request: Request) -> Result:
    version = importlib.import_module("flash_attn").__version__
    return passed_if(true=version == request.version, why=f"it says {version}, not {request.version}")


def _function() -> Result:
    function = importlib.import_module("flash_attn").flash_attn_func
    return passed_if(true=callable(function), why="it is not a function")


def _device(request: Request) -> Result:
    total = torch.ones(2, device=request.device).sum().item()
    return passed_if(true=total == 2, why=f"one and one make {total}")  # noqa: PLR2004 - the sum of two ones
