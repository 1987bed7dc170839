"""Reads what installed files say: torch's version.py, cuDNN's header, a lock file, an interpreter's answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from factory.wheel.cxxabi import cxx11abi

PROBE = r"""
import importlib.metadata as metadata, importlib.util, json, sys, sysconfig
free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
found = {"python": "%d.%d" % sys.version_info[:2] + free, "packages": {}, "torch": None}
for one in metadata.distributions():
    try:
        name, version = one.metadata["Name"], one.version
        if name and version:
            found["packages"].setdefault(name.lower().replace("_", "-"), version)
    except Exception:
        pass
try:
    spec = importlib.util.find_spec("torch")
    found["torch"] = list(spec.submodule_search_locations or [spec.origin])[0] if spec else None
except Exception:
    pass
print("\n" + json.dumps(found))
"""
"""A program for any Python from 3.8 on; it imports nothing that is installed. ``probed`` reads its last line."""

_VALUE = r"^{name}\s*(?::[^=\n]*)?=\s*(['\"])(?P<value>[^'\"\n]*)\1"
_CUDNN = re.compile(r"^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL)\s+(\d{1,6})\s*$", re.MULTILINE)
_LOCKED = re.compile(r"^nvidia-cudnn(?:-cu\d+)?==([\w.]+)", re.MULTILINE)
_MUSL = re.compile(r"^musl libc.*\n?.*?Version ([\d.]+)", re.MULTILINE)
_MIG = re.compile(r"^\s+MIG (\S+)\s+Device\s+\d+:", re.MULTILINE)
_TELLING = "torchInternalAssertFail"  # takes a std::string; libc10.so of torch 2.5 to 2.15 exports it, for one ABI only


def probed(output: str) -> tuple[str, Mapping[str, str], str | None]:
    """Return version, installed packages and where torch is from what PROBE printed.

    Raises ValueError where it printed anything else.
    """
    found: Any = json.loads((output.splitlines() or [""])[-1])
    if not isinstance(found, dict) or not isinstance(found.get("packages"), dict) or "python" not in found:
        msg = "that is not the answer to the question"
        raise ValueError(msg)
    torch = found.get("torch")
    packages = {str(name): str(version) for name, version in found["packages"].items()}
    return str(found["python"]), packages, torch if isinstance(torch, str) else None


def torch_version(text: str) -> tuple[str | None, str | None]:
    """Return the release and the CUDA that torch's ``version.py`` states, each None where it does not."""
    return _value("__version__", text), _value("cuda", text)


def _value(name: str, text: str) -> str | None:
    match = re.search(_VALUE.format(name=name), text, re.MULTILINE)
    return match["value"] or None if match else None


def torch_abi(symbols: Iterable[str]) -> bool | None:
    """Return the C++ ABI by the symbols that torch's ``libc10.so`` exports; None where they do not tell."""
    found = cxx11abi(symbol for symbol in symbols if _TELLING in symbol)
    return next(iter(found)) if len(found) == 1 else None


def cudnn_of(packages: Mapping[str, str]) -> str | None:
    """Return the version of the cuDNN among installed packages, None where there is none."""
    return next((version for name, version in packages.items() if re.fullmatch(r"nvidia-cudnn(-cu\d+)?", name)), None)


def cudnn_header(text: str) -> str | None:
    """Return ``9.1.0`` of ``cudnn_version.h``; None where it is not all there."""
    found = dict(_CUDNN.findall(text))
    parts = [found.get(name) for name in ("MAJOR", "MINOR", "PATCHLEVEL")]
    return ".".join(part for part in parts if part) if all(parts) else None


def wsl(version: str) -> int | None:
    """Return which Windows Subsystem for Linux has the kernel that ``/proc/version`` tells of; None for another."""
    if "microsoft" not in version.lower():
        return None
    return 1 if "-Microsoft " in version else 2


def musl(said: str) -> str | None:
    """Return the version of musl that ``ldd --version`` told, None where it is another's."""
    found = _MUSL.search(said)
    return found[1] if found else None


def mig(listed: str) -> tuple[str, ...]:
    """Return the MIG instances, ``1g.10gb``, that ``nvidia-smi -L`` listed."""
    return tuple(_MIG.findall(listed))


def cudnn_locked(text: str) -> str | None:
    """Return the cuDNN that a lock file pins, None where it pins none."""
    match = _LOCKED.search(text)
    return match[1] if match else None
