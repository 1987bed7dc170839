"""This machine as a wheel sees it: an interpreter with its torch, glibc, the GPUs and their driver."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from factory.errors import GpuError, InterpreterError
from factory.index.served.flash_attn_wheel import PROBE, Environment, Probed, probed
from factory.system import files, gpu, process

_NAMES = ("python", "python3")
_TIMEOUT = 120.0  # seconds; the first import of torch reads gigabytes


def interpreter(env: Mapping[str, str]) -> Path:
    """Return what ``python`` starts for the person who typed the command: first on PATH, but not this program's own.

    Its own is one that was made for it, a virtual environment; the system's is everyone's.
    Raises InterpreterError where there is none.
    """
    own = Path(sys.prefix).resolve() if sys.prefix != sys.base_prefix else None
    for directory in map(Path, env.get("PATH", "").split(":")):
        for path in (directory / name for name in _NAMES):
            if files.is_file(path) and directory.resolve().parent != own:
                return path
    raise InterpreterError(
        "there is no python on PATH",
        why=[f"PATH is {env.get('PATH', '')}"],
        remedy="Name the interpreter that has torch: nox -s download -- --python /path/to/python",
    )


def read(python: Path, env: Mapping[str, str]) -> Probed:
    """Return what ``python`` says of itself and its torch, and the driver of the GPUs.

    Raises InterpreterError where it does not answer.
    """
    done = process.run([python, "-c", PROBE], env=env, timeout=_TIMEOUT)
    try:
        found = probed(done.stdout)
    except ValueError as error:
        raise InterpreterError(
            f"{python} did not say what it is",
            why=[done.stderr.strip() or f"it ended with status {done.status}"],
            remedy="Name another with --python, or name the cell: nox -s download -- cu124 torch2.6 cp310",
        ) from error
    return replace(found, environment=_with_gpus(found.environment, env))


def _with_gpus(environment: Environment, env: Mapping[str, str]) -> Environment:
    try:
        gpus = gpu.find(env)
    except GpuError:  # a wheel can be fetched where no GPU is
        return environment
    capabilities = tuple(dict.fromkeys(one.capability for one in gpus))
    return replace(environment, gpus=capabilities, driver=int(gpus[0].driver.split(".")[0]))
