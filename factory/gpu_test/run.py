"""Runs the trial's groups, each in a process of its own under the interpreter that is tested with."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from factory.gpu_test import transcript
from factory.gpu_test.testenv import TrialEnvironment
from factory.gpu_test.transcript import Transcript
from factory.gpu_test.verdict import Group
from factory.system import process
from factory.system.environ import inherited

PROGRAM = Path(__file__).parent / "trial"
LIMIT = 300.0  # seconds a group may take; the longest takes a tenth of it on an H100
_SAID = 4000  # characters of a failed group's last words
_GPU_VARIABLES = ("CUDA_", "NVIDIA_", "LD_LIBRARY_PATH")
_RUN = """
import sys
sys.path[:0] = sys.argv[2:]
from factory.gpu_test.trial.main import main
sys.exit(main(sys.argv[1]))
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a trial is told beside the group: the ``disabled`` switches, flash-attn's ``version``, the path of the
    extension of the wheel it is timed ``beside``, and by their names (``compute_90``) those of the wheel's own
    extension with all GPU code hidden but one of the ``others`` that the driver would not take.
    """

    seed: int
    disabled: tuple[str, ...]
    version: str
    beside: str | None
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A group that ended: its sum, what it printed as data, and the end of what it said of errors."""

    group: Group
    transcript: Transcript
    said: str


class Trial:
    """A copy of the trial's ``program`` in ``scratch``, where nothing else of the factory can be imported."""

    def __init__(self, program: Path, bed: TrialEnvironment, scratch: Path, *, env: Mapping[str, str]) -> None:
        place = scratch / "factory" / "gpu_test"
        shutil.copytree(program, place / "trial", ignore=shutil.ignore_patterns("__pycache__"))
        for package in (scratch / "factory", place):
            (package / "__init__.py").touch()
        self._bed = bed
        self._scratch = scratch
        self._env = variables(env)

    def run(self, group: str, request: Request, *, limit: float = LIMIT) -> Ran:
        """Run one group to its end, or for ``limit`` seconds; return what came of it.

        What goes wrong in the group is ``trouble`` there, and is not raised.
        """
        began = time.monotonic()
        asked, errors = self._scratch / f"{group}.json", self._scratch / f"{group}.stderr"
        asked.write_text(json.dumps({"group": group, **asdict(request)}), encoding="utf-8")
        lines: list[str] = []
        paths = (self._scratch, *self._bed.paths)
        command: list[str | Path] = [self._bed.python, "-I", "-c", _RUN, asked, *paths]
        status, late = process.follow(command, line=lines.append, errors=errors, limit=limit, env=self._env)
        told = transcript.read(group, lines, status=status, overran=limit if late else None)
        said = errors.read_text(encoding="utf-8", errors="replace").strip()[-_SAID:]
        seconds = round(time.monotonic() - began, 3)
        trouble = _with_last_word(told.trouble, said)
        return Ran(group=Group.of(group, told.cases, trouble=trouble, seconds=seconds), transcript=told, said=said)


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return what of ``env`` a process that uses the GPU may see; no secret, no PYTHON, no flash-attn switch."""
    return inherited(env) | {name: value for name, value in env.items() if name.startswith(_GPU_VARIABLES)}


def _with_last_word(trouble: str, said: str) -> str:
    """Put what a program said last behind its trouble: the line with the exception."""
    return f"{trouble}: {said.splitlines()[-1]}" if trouble and said else trouble
