"""Upstream's way: its own ``setup.py`` under pip with the real torch, and nothing of the factory in between."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.step import Command
from factory import toolkit
from factory.build.setup import CellWanted
from factory.environment.environment import Environment
from factory.kernels import hostcompiler, source
from factory.matrix.model import Matrix
from factory.session import Session
from factory.system.environ import inherited


def command(wanted: CellWanted, environment: Environment, matrix: Matrix, session: Session, work: Path) -> Command:
    """Return the command that makes the wheel of ``wanted`` as upstream's documentation says, in a fresh copy.

    Raises ToolkitError, HostCompilerError, UnreachableError, SourceError or DigestError where what it needs is not to
    be had.
    """
    cell = wanted.cell
    cuda = toolkit.find(cell.cuda, session.env, session.cache, session.log.say)
    compiler = hostcompiler.find(matrix.toolkits[cell.cuda], session.env)
    release = matrix.flash_attn[cell.flash_attn]
    root = source.unpacked(release, cache=session.cache, env=session.env)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root, work / "source")
    switches = " ".join(f"-DFLASHATTENTION_DISABLE_{name}" for name in wanted.profile.disable)
    base = inherited(session.env)
    own = {
        "PATH": f"{cuda.home}/bin:{environment.python.parent}:{base['PATH']}",
        "CUDA_HOME": str(cuda.home),
        "CC": str(compiler.path),
        "CXX": str(compiler.path),
        "NVCC_CCBIN": str(compiler.path),
        "CPATH": ":".join(map(str, environment.cuda_includes)),
        "MAX_JOBS": str(session.limits.jobs),
        "NVCC_THREADS": "1",  # CPU time is compared, and memory must do for as many jobs
        "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
        "FLASH_ATTN_CUDA_ARCHS": ";".join(arch.number for arch in cell.archs),
        "NVCC_APPEND_FLAGS": switches,
        "CPPFLAGS": switches,
        "PIP_CONFIG_FILE": "/dev/null",
    }
    wheelhouse, sdist = str(work / "wheelhouse"), str(work / "source")
    options = ("--verbose", "--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir")
    argv = (str(environment.python), "-m", "pip", "wheel", *options, "--wheel-dir", wheelhouse, sdist)
    return Command(argv=argv, cwd=work, env=base | own)
