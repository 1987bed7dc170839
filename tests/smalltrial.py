"""A trial without torch or GPU, for tests of what runs it: each group does what it is told to, else passes."""

from __future__ import annotations

import sys
import venv
from collections.abc import Mapping
from pathlib import Path

# A wheel for the Python that runs the tests.
TAG = f"cp3{sys.version_info.minor}"
FILENAME = f"flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-{TAG}-{TAG}-linux_x86_64.whl"
MODULE = f"flash_attn_2_cuda.cpython-3{sys.version_info.minor}-x86_64-linux-gnu.so"

_MAIN = """
import json, os, signal, sys, time
HOW = {how!r}

def say(**line):
    print(json.dumps(line), flush=True)

CASES = []

def case(group, name, outcome="passed", **more):
    CASES.append(name)
    say(kind="case", group=group, name=name, outcome=outcome, **{{"error": None, "allowed": None, "why": ""}} | more)

def main(path):
    with open(path) as asked:
        request = json.load(asked)
    group, how = request["group"], HOW.get(request["group"], "pass")
    say(kind="machine", gpu="Small GPU", capability="9.0", driver=None, torch="2.6.0+cu124", cuda="12.4",
        python="3.11.1", flash_attn=request["version"])
    case(group, "first", error=0.5, allowed=1.0)
    for name, path in request["others"].items():
        if group == "architectures" and os.path.isfile(path):
            case(group, name + ": sample", "failed" if how == name else "passed")
    if group == "timing":
        say(kind="timing", name="small", ours_ms=1.0, sdpa_ms=2.0, beside_ms=None if not request["beside"] else 1.0)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if how == "nan":
        case(group, "second", error=float("nan"), allowed=1.0)
    if how == "nan as text":
        case(group, "second", error="nan", allowed=1.0)
    if how == "above":
        case(group, "second", error=1.5, allowed=1.0)
    if how.startswith("says "):
        case(group, "second", "failed", why=how[5:])
    if how == "skips":
        case(group, "second", "skipped", why="left out")
    if how == "talks":
        print("a line for nobody")
        print("it said so", file=sys.stderr)
    if how == "nonsense":
        print('{{"kind": "case", "group":')
    if how == "status":
        print("RuntimeError: the last word", file=sys.stderr)
        return 3
    if how != "endless":
        say(kind="end", cases=len(CASES) + (how == "short"))
    if how == "goes on":
        case(group, "late")
    return 0
"""
_TORCH = """
__version__ = "{torch}"
class version:
    cuda = {cuda!r}
class _C:
    _GLIBCXX_USE_CXX11_ABI = False
"""


def program(directory: Path, **how: str) -> Path:
    """Write the trial; ``how`` says of a group what it does."""
    directory.mkdir(parents=True)
    (directory / "__init__.py").touch()
    (directory / "main.py").write_text(_MAIN.format(how=how))
    return directory


def python_with_torch(directory: Path, *, torch: str = "2.6.0+cu124", cuda: str | None = "12.4") -> Path:
    """Make an interpreter whose torch only says what it is."""
    venv.create(directory, with_pip=False, symlinks=True)
    (site,) = (directory / "lib").glob("python*/site-packages")
    (site / "torch.py").write_text(_TORCH.format(torch=torch, cuda=cuda))
    return directory / "bin" / "python3"


def nvidia_smi(directory: Path, answer: str = "Small GPU, 9.0, 580.95.05", status: int = 0) -> Mapping[str, str]:
    """Write a stand-in for the driver's own program; give the environment that finds it."""
    directory.mkdir(exist_ok=True)
    (directory / "nvidia-smi").write_text(f"#!/bin/sh\nprintf '%s\\n' '{answer}'\nexit {status}\n")
    (directory / "nvidia-smi").chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}
