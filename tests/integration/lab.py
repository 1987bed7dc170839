"""The factory as a process of its own over the small sdist, with an nvcc that notes what it is asked to compile."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from factory.pool.store import Pool
from factory.system.cache import cache_root
from factory.toolkit.find import find
from tests.smallsdist import ROOT, matrix_with_small_sdists

SET = ("cu124", "torch2.6", "--profile", "smoke", "--archs", "8.0")
UNITS = 3


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A working directory with a matrix, a cache of its own and a toolkit that is mostly links to the real one."""

    here: Path

    @property
    def cache(self) -> Path:
        return self.here / "cache"

    @property
    def cuda(self) -> Path:
        return self.here / "cuda"

    @property
    def pool(self) -> Pool:
        return Pool(self.cache / "pool")

    def start(self, *words: str) -> subprocess.Popen[str]:
        env = {**os.environ, "FACTORY_CACHE": str(self.cache), "CUDA_HOME": str(self.cuda), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "factory", "kernels", *SET, "--backend", "host", "--no-remote-pool", *words]
        return subprocess.Popen(
            command, cwd=self.here, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *words: str) -> tuple[int, str]:
        with self.start(*words) as process:
            output, _ = process.communicate()
            return process.returncode, output

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Have no compile come to its end."""
        (self.here / "stopped").touch()
        yield
        (self.here / "stopped").unlink()

    def compiled(self) -> Counter[str]:
        """Count the times each kernel went through nvcc to its end."""
        noted = self.here / "compiled"
        return Counter(noted.read_text().split() if noted.exists() else ())

    def parts(self) -> dict[str, tuple[int, int]]:
        """Tell each stored part from one of the same key that was stored again."""
        found = ((path, path.stat()) for path in (self.pool.root / "parts").glob("*.json"))
        return {path.name: (stat.st_ino, stat.st_mtime_ns) for path, stat in found}

    def complete(self) -> bool:
        (kernels,) = self.pool.sets()
        return kernels.units == UNITS and not self.pool.lacking(kernels.keys)


def make_lab(here: Path) -> Lab:
    lab = Lab(here=here)
    here.mkdir(exist_ok=True)
    (here / "matrix.yaml").write_text(matrix_with_small_sdists(lab.cache), encoding="utf-8")
    real = find("12.4", os.environ, cache_root(os.environ), print).home
    (lab.cuda / "bin").mkdir(parents=True)
    for path in (*(path for path in real.iterdir() if path.name != "bin"), *(real / "bin").iterdir()):
        (lab.cuda / path.relative_to(real)).symlink_to(path)
    nvcc = lab.cuda / "bin" / "nvcc"
    compiler = shlex.quote(str(real / "bin" / "nvcc"))
    nvcc.unlink()
    # The real one is not exec'd but waited for, so that only what it finished is noted.
    nvcc.write_text(
        "#!/bin/sh\n"
        # Kernels alone: what preflight tries is no work to be shared or kept.
        f'case $* in *first.cu*) exec {compiler} "$@";; esac\n'
        f"case $* in *.cu*) while [ -e {shlex.quote(str(here / 'stopped'))} ]; do sleep 1; done;; esac\n"
        f'{compiler} "$@" || exit\n'
        f'for word; do case $word in -*) ;; *.cu) echo "$word" >> {shlex.quote(str(here / "compiled"))};; esac; done\n'
    )
    nvcc.chmod(0o755)
    return lab


def kill(process: subprocess.Popen[str], *, everything: bool) -> None:
    """End the factory as a crash would; with ``everything``, also all it started, as a power cut would."""
    started = psutil.Process(process.pid).children(recursive=True) if everything else []
    process.kill()
    for child in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    process.communicate()


@contextlib.contextmanager
def small_disk(mount: Path) -> Iterator[Path]:
    """Give a directory on a real disk of 64 MB, in memory; in a container that may not mount, its ``/dev/shm``."""
    mount.mkdir()
    # It is mounted where nobody but this process sees it; we go there through /proc.
    script = 'mount -t tmpfs -o size=64m none "$0" && echo ready && exec cat'
    words = ["unshare", "-rm", "sh", "-c", script, str(mount)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() == "ready\n":
            yield Path(f"/proc/{holder.pid}/root{mount}")
            return
    with TemporaryDirectory(dir="/dev/shm") as directory:
        assert shutil.disk_usage(directory).free < 10**9, "no small disk can be had: neither a mount nor /dev/shm"
        yield Path(directory)


@contextlib.contextmanager
def filled(disk: Path, *, but: int) -> Iterator[None]:
    """Leave only ``but`` bytes of ``disk`` free."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - but)
    yield
    ballast.unlink()
