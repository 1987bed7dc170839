"""Which of nvcc's own steps make the host code of a unit, out of what ``nvcc --dryrun`` prints.

They are a preprocessing, cudafe++ and a compile by the host compiler. The front end, the assembler and what comes
before them are left out: all that the host code needs of them are the launch stubs and a ``fatbin.c``.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath

_MARK = "#$ "
_VARIABLE = re.compile(r"(\w+)=(.*)")
_ARCHITECTURE = "-D__CUDA_ARCH__="  # of what is preprocessed for a GPU; the list of all of them has another name
_STUB = "--stub_file_name"
_FATBIN = "--embedded-fatbin="


@dataclass(frozen=True, kw_only=True)
class HostSteps:
    """What makes host code: the ``commands``, run one after the other with ``path`` as PATH.

    ``stub`` is the name that the launch stubs are to have where nvcc keeps its files, ``fatbin`` the path of the
    ``fatbin.c`` that they include.
    """

    path: str
    commands: tuple[tuple[str, ...], ...]
    stub: str
    fatbin: str


def read(text: str) -> HostSteps:
    """Return the steps in the output ``text`` of a dry run.

    Raises ValueError where nvcc goes another way than is known here.
    """
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    variables = {match[1]: match[2] for line in lines if (match := _VARIABLE.fullmatch(line))}
    steps = [tuple(shlex.split(line)) for line in lines if not _VARIABLE.fullmatch(line)]
    preprocess = [step for step in steps if "-E" in step and not _has(step, _ARCHITECTURE)]
    front = [step for step in steps if PurePosixPath(step[0]).name == "cudafe++"]
    compiled = [step for step in steps if "-c" in step and preprocess and step[0] == preprocess[0][0]]
    stubs = [step[step.index(_STUB) + 1] for step in front if _STUB in step[:-1]]
    fatbins = [word.removeprefix(_FATBIN) for step in steps for word in step if word.startswith(_FATBIN)]
    found = (preprocess, front, compiled, stubs, fatbins)
    if "PATH" not in variables or any(len(one) != 1 for one in found):
        raise ValueError("nvcc makes host code in other steps than those that are known")
    return HostSteps(
        path=variables["PATH"],
        commands=(preprocess[0], front[0], compiled[0]),
        stub=PurePosixPath(stubs[0]).name,
        fatbin=fatbins[0],
    )


def _has(step: tuple[str, ...], start: str) -> bool:
    return any(word.startswith(start) for word in step)
