"""The NVIDIA GPUs of this machine and their driver, as ``nvidia-smi`` tells them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from factory.errors import GpuError
from factory.system import process

_ASK = ("nvidia-smi", "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader")


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One GPU: ``NVIDIA H100 80GB HBM3``, capability ``9.0``, driver ``580.95.05``."""

    name: str
    capability: str
    driver: str


def find(env: Mapping[str, str]) -> tuple[Gpu, ...]:
    """Return the GPUs here in the order of ``nvidia-smi``. Raises GpuError that says why there is none."""
    done = process.run(_ASK, env=env, timeout=60)
    found = tuple(_read(done.stdout)) if done.ok else ()
    if not found:
        said = (done.stderr + done.stdout).strip().splitlines()[:3] or ["nvidia-smi lists no GPU"]
        raise GpuError(
            "there is no NVIDIA GPU here that answers",
            why=said,
            remedy="Run it on a machine with one, with the wheel and this repository: nox -s gpu_test -- dist/WHEEL",
        )
    return found


def _read(answer: str) -> Iterator[Gpu]:
    """Yield the GPUs that the driver knows a capability of; for what it cannot use it says ``[N/A]``."""
    for row in csv.reader(answer.splitlines(), skipinitialspace=True):
        match row:
            case [name, capability, driver] if re.fullmatch(r"\d+\.\d", capability, re.ASCII):
                yield Gpu(name=name, capability=capability, driver=driver)
