"""What makes a compile give the same bytes in every process, directory and cache.

nvcc names what is internal to a unit by the unit's *module id*: a hash of the source's path, its file name, and a hash
of the first function with external linkage, or else the number of nvcc's process. Path and function are given here.
Seen in ``--keep``'s ``.module_id`` files of CUDA 12.4, 13.0 and 13.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from factory.data import DATA


def unit_flags(source: str) -> tuple[str, ...]:
    """Return nvcc's flags that name the unit ``source``, a path relative to the sdist's root, and nothing else."""
    name = hashlib.sha256(source.encode()).hexdigest()[:16]
    forced = ("-include", str(DATA / "standin" / "unit.h"), "-D", f"FACTORY_UNIT=factory_unit_{name}")
    return (*forced, "-Xcudafe", f"--orig_src_path_name={source}")


def path_flags(names: Mapping[Path, str]) -> tuple[str, ...]:
    """Return nvcc's flags that write each directory of ``names`` by its name, wherever its files are spoken of.

    nvcc splits what it hands to the host compiler at commas and blanks that are not quoted.
    """
    maps = (f"-ffile-prefix-map={path}={name}".replace(",", "\\,") for path, name in names.items())
    return tuple(word for text in maps for word in ("-Xcompiler", f'"{text}"'))
