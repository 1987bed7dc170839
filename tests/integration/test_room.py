"""A machine with too small a disk or too little memory: told in the first seconds, before anything is fetched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import DiskFullError, LowMemoryError
from tests.integration.lab import SET, Lab, make_lab, small_disk
from tests.smallsdist import ROOT

NOWHERE = "http://127.0.0.1:9"  # whoever fetches anything fails


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def typed(lab: Lab, *words: str, before: tuple[str, ...] = (), **env: str) -> tuple[int, str]:
    """Type it in the lab without a network; give the status and what was said."""
    environment = {**os.environ, "CUDA_HOME": str(lab.cuda), "PYTHONPATH": str(ROOT), "HTTPS_PROXY": NOWHERE, **env}
    command = [*before, sys.executable, "-m", "factory", *words, "--no-remote-pool", "--backend", "host"]
    done = subprocess.run(command, cwd=lab.here, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_disk_that_is_too_small_ends_a_build_before_it_begins_and_the_remedies_work(lab: Lab, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        cache, dist = disk / "cache", disk / "dist"
        status, output = typed(lab, "build", *SET, "--dist", str(dist), FACTORY_CACHE=str(cache))
        assert status == DiskFullError.status, output
        for part in (f"{cache} (cache) and {dist} (dist): ", "torch 2.6.0 for CUDA 12.4", "kernels ", "making a wheel"):
            assert part in output
        assert "CUDA 12.4 toolkit" not in output, "one is here"
        assert sorted(disk.rglob("*")) == [cache, dist]
        status, output = typed(lab, "build", *SET, "--dist", str(tmp_path / "dist"), FACTORY_CACHE=str(cache))
        assert (status, "(dist)" in output) == (DiskFullError.status, False)
        status, output = typed(lab, "kernels", *SET, FACTORY_CACHE=str(cache))
        assert status == DiskFullError.status
        assert "torch 2.6.0" not in output
        assert typed(lab, "kernels", *SET, "--shard", "1/3", FACTORY_CACHE=str(lab.cache))[0] == 0


def test_memory_that_is_too_little_in_all_is_told_unless_more_is_named(lab: Lab, tmp_path: Path) -> None:
    before = _with_memory(tmp_path, gigabytes=4)
    status, output = typed(lab, "kernels", *SET, "--shard", "1/3", before=before, FACTORY_CACHE=str(lab.cache))
    assert status == LowMemoryError.status, output
    assert "there are 4.0 GB of memory and no swap" in output
    assert not (lab.cache / "sources").exists()
    _, _, remedy = output.rpartition("add to the command: ")
    again = ("kernels", *SET, "--shard", "1/3", *remedy.split())
    assert typed(lab, *again, before=before, FACTORY_CACHE=str(lab.cache))[0] == 0


def _with_memory(tmp_path: Path, *, gigabytes: int) -> tuple[str, ...]:
    """Give what has a command see so much memory; skips where nobody may mount."""
    told = tmp_path / "meminfo"
    size = gigabytes * 10**9 // 1024
    lines = {"MemTotal": size, "MemFree": size, "MemAvailable": size, "SwapTotal": 0, "SwapFree": 0}
    told.write_text("".join(f"{name}: {number} kB\n" for name, number in lines.items()))
    script = f'mount --bind {told} /proc/meminfo && exec "$@"'
    unshare = shutil.which("unshare") or "unshare"
    words = (unshare, "-rm", "sh", "-c", script, "sh")
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    return words
