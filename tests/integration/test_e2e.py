"""The real thing: flash-attn 2.7.4.post1, real CUDA 12.4 kernels, real torch 2.6.0.

Run by ``nox -s e2e``. Takes some minutes when the kernels are in the factory's pool, which the README's first
command leaves them in, and about half an hour on two cores when not. Needs a Python 3.10 on the machine.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from uv import find_uv_bin

from factory.environment import interpreter
from factory.environment.environment import Installer
from factory.matrix.load import load as load_matrix
from factory.system.cache import cache_root
from tests.githubserver import github_server
from tests.githubstore import REPOSITORY
from tests.publishing import put_list

pytestmark = [pytest.mark.e2e, pytest.mark.live_matrix]

BACKWARD = 28  # units in this sdist, five seconds each in the smoke profile
PARTS = 4  # of a unit: host code, PTX, machine code for 8.0 and 9.0
ROOT = Path(__file__).parents[2]
UV = find_uv_bin()
SELECTOR = ("cu124", "torch2.6", "cp310", "--profile", "smoke")
WHEEL = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE.smoke-cp310-cp310-linux_x86_64.whl"
CHECKS = """
import flash_attn
print(flash_attn.__version__)
from flash_attn import flash_attn_func
import flash_attn_2_cuda
print(sorted(name for name in dir(flash_attn_2_cuda) if not name.startswith("_")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    assert start(cache_root(os.environ), dist).wait() == 0
    return dist / WHEEL


def start(cache: Path, dist: Path, output: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "factory", "build", *SELECTOR, "--backend", "host", "--no-remote-pool", "--dist", dist],
        env={**os.environ, "FACTORY_CACHE": str(cache)},
        stdout=output,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def done(cache: Path) -> dict[str, int]:
    """Each finished part and when its record was written."""
    return {path.name: path.stat().st_mtime_ns for path in (cache / "pool" / "parts").glob("*.json")}


def without_backward(shared: Path, cache: Path) -> int:
    """Make ``cache`` like ``shared`` but for the backward units of the smoke profile, the quickest; count them."""
    shutil.copytree(shared / "pool", cache / "pool")
    for name in ("toolkits", "environments", "downloads", "sdists", "sources"):
        (cache / name).symlink_to(shared / name)
    records = [(path, json.loads(path.read_text())) for path in (cache / "pool" / "parts").glob("*.json")]
    gone = [(path, row) for path, row in records if "_bwd_" in row["source"] and row["profile"] == "smoke"]
    for path, _ in gone:
        path.unlink()
    return len({row["source"] for _, row in gone})


@pytest.mark.usefixtures("wheel")
def test_a_build_killed_half_way_goes_on_and_compiles_nothing_twice(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    left = without_backward(cache_root(os.environ), cache)
    assert left >= BACKWARD
    already = len(done(cache))
    first = start(cache, tmp_path / "dist")
    while len(done(cache)) < already + PARTS * BACKWARD // 2:
        assert first.poll() is None, "the build ended before it could be killed"
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = done(cache)
    second = start(cache, tmp_path / "dist", subprocess.PIPE)
    output, _ = second.communicate()
    sys.stdout.write(output)
    assert second.returncode == 0
    after = done(cache)
    twice = [name for name, written in before.items() if after[name] != written]
    sys.stdout.write(f"{left} units to do, {len(before) - already} parts done at kill, {len(twice)} compiled twice\n")
    assert twice == []
    found = re.search(r"84 units, (\d+) in the pool, (\d+) to compile", output)
    assert found is not None
    assert int(found[2]) < left
    assert (tmp_path / "dist" / WHEEL).is_file()


def test_the_report_is_clean_and_says_what_is_in_it(wheel: Path) -> None:
    report = json.loads(wheel.with_name(f"{wheel.name}.report.json").read_text())
    assert report["ok"]
    assert report["findings"] == []
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_it_installs_and_imports_in_a_clean_environment(wheel: Path, installer: str, tmp_path: Path) -> None:
    python = environment(tmp_path / "env")
    command = [python, "-m", "pip", "install"] if installer == "pip" else [UV, "pip", "install", "--python", python]
    subprocess.run([*map(str, command), "--quiet", wheel], check=True)
    checked = subprocess.run([python, "-c", CHECKS], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert checked.returncode == 0, checked.stderr
    version, functions = checked.stdout.splitlines()
    assert version == "2.7.4.post1"
    assert functions == "['bwd', 'fwd', 'fwd_kvcache', 'varlen_bwd', 'varlen_fwd']"
    again = subprocess.run([*map(str, command), "--dry-run", wheel], capture_output=True, text=True, check=True)
    assert "Would install flash" not in again.stdout + again.stderr


@pytest.mark.usefixtures("wheel")
def test_with_published_kernels_one_more_python_takes_a_minute_or_two_of_cpu(tmp_path: Path) -> None:
    """As on a machine that has compiled nothing; torch and the toolkit are there, for they come from elsewhere."""
    shared, cache = cache_root(os.environ), tmp_path / "cache"
    cache.mkdir()
    for name in ("toolkits", "environments", "downloads", "sdists", "sources"):
        (cache / name).symlink_to(shared / name)
    factory("pool", "export", *SELECTOR, "--to", tmp_path / "archives", cache=shared)
    more = ("cu124", "torch2.6", "cp311", "--profile", "smoke", "--backend", "host")
    with github_server() as server:
        release = server.add("kernels-v2.7.4.post1", draft=False)
        for archive in (tmp_path / "archives").iterdir():
            server.put(release, archive.name, archive.read_bytes())
        put_list(server, release)
        where = {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_SERVER_URL": server.api}
        build_environment("3.11", shared)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        said = factory("build", *more, "--dist", tmp_path / "dist", cache=cache, **where)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(f"one more Python: {wall:.0f} s of wall time, {cpu:.0f} s of CPU\n{said}")
    assert "fetched from kernels-v2.7.4.post1" in said
    assert "84 units, 84 in the pool, 0 to compile" in said
    assert cpu < 120
    assert len(list((tmp_path / "dist").glob("*cp311*.whl"))) == 1


def build_environment(python: str, cache: Path) -> None:
    """Have the environment that torch 2.6 wheels of ``python`` are built in."""
    matrix = load_matrix((ROOT / "matrix.yaml").read_text())
    torch = matrix.torch["2.6"]
    (build,) = (row for row in torch.builds if row.cuda == "12.4")
    Installer(
        cache=cache, env=os.environ, interpreter=lambda version: interpreter.find(version, os.environ), say=print
    ).prepare(torch, build, python)


def factory(*words: str | Path, cache: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "factory", *map(str, words)],
        env={**os.environ, "FACTORY_CACHE": str(cache), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def environment(root: Path) -> Path:
    """A fresh environment with nothing but torch and what it needs."""
    base = interpreter.find("3.10", os.environ)
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", "-p", base, root], check=True)
    python = root / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "torch==2.6.0"], check=True)
    return python
