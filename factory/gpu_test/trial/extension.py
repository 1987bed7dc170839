"""More than one extension of the same name in one process."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

NAME = "flash_attn_2_cuda"


@cache
def load(path: str) -> ModuleType:
    """Return the extension at ``path``, loaded beside the one that flash_attn has loaded.

    Raises ImportError if what comes is another.
    """
    # Under a package's name of its own: under the same one pybind11 gives the module that is loaded already.
    name = f"other_{hashlib.sha256(path.encode()).hexdigest()[:16]}.{NAME}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module is importlib.import_module(NAME) or module.__file__ != path:
        raise ImportError(f"{path} was not loaded: {module.__file__} came instead")
    return module


@contextmanager
def using(extension: ModuleType | None) -> Iterator[None]:
    """Let flash_attn's own Python code call ``extension``, None for its own."""
    interface: Any = importlib.import_module("flash_attn.flash_attn_interface")
    own = interface.flash_attn_gpu
    interface.flash_attn_gpu = extension or own
    try:
        yield
    finally:
        interface.flash_attn_gpu = own
