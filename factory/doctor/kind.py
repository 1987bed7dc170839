"""Looks what kind of machine this is: WSL, a container, a C library other than glibc, a GPU that is divided.

Sources: Docker and Podman leave a file in each container, Apptainer a directory; WSL's kernels say so
(https://learn.microsoft.com/windows/wsl/basic-commands); musl's loader answers for ``ldd``; NVIDIA's MIG user guide has
what ``nvidia-smi -L`` lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from factory.doctor import parse
from factory.doctor.facts import Kind
from factory.system import files, process

_CONTAINERS = {".dockerenv": "docker", "run/.containerenv": "podman", ".singularity.d": "apptainer"}
_ANSWER = 20.0  # seconds


def look(env: Mapping[str, str], root: Path = Path("/")) -> Kind:
    """Return what kind of machine has the file system at ``root`` and the programs on the PATH of ``env``."""
    ldd = process.run(["ldd", "--version"], env=env, timeout=_ANSWER)
    smi = process.run(["nvidia-smi", "-L"], env=env, timeout=_ANSWER)
    return Kind(
        wsl=parse.wsl(files.text_of(root / "proc/version") or ""),
        container=next((name for place, name in _CONTAINERS.items() if (root / place).exists()), None),
        musl=parse.musl(ldd.stdout + ldd.stderr),
        mig=parse.mig(smi.stdout) if smi.ok else (),
    )
