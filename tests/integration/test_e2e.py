"""The real thing: flash-attn 2.7.4.post1, real CUDA 12.4 kernels, real torch 2.6.0; killed half-way, resumed.

Takes about 25 minutes on two cores. Run by ``nox -s e2e``. Needs a Python 3.10 on the machine.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from uv import find_uv_bin

from factory.edge import interpreter
from factory.edge.cache import cache_root

pytestmark = pytest.mark.e2e

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
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with an empty pool; the toolkit and torch are those the factory keeps anyway."""
    made = tmp_path_factory.mktemp("cache")
    for name in ("toolkits", "environments", "downloads"):
        shared = cache_root(os.environ) / name
        shared.mkdir(parents=True, exist_ok=True)
        (made / name).symlink_to(shared)
    return made


@pytest.fixture(scope="module")
def wheel(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by a run that is killed when half of its units are done and by a second one."""
    dist = tmp_path_factory.mktemp("dist")
    first = start(cache, dist)
    units = cache / "pool" / "units"
    while len(done(units)) < 42:
        assert first.poll() is None, "the build ended before it could be killed"
        time.sleep(1)
    before = done(units)
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = start(cache, dist)
    output, _ = second.communicate()
    sys.stdout.write(output)
    assert second.returncode == 0
    after = done(units)
    twice = [name for name, written in before.items() if after[name] != written]
    sys.stdout.write(f"units: {len(after)}, done before kill -9: {len(before)}, compiled twice: {len(twice)}\n")
    assert twice == []
    found = re.search(r"(\d+) units, (\d+) in the pool, (\d+) to compile", output)
    assert found is not None
    total, kept, left = map(int, found.groups())
    assert (total, kept + left) == (84, 84)
    assert kept >= len(before)
    return dist / WHEEL


def start(cache: Path, dist: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "factory", "build", *SELECTOR, "--dist", dist],
        env={**os.environ, "FACTORY_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def done(units: Path) -> dict[str, int]:
    """Each finished unit and when its record was written."""
    return {path.name: path.stat().st_mtime_ns for path in units.glob("*.json")} if units.is_dir() else {}


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


def environment(root: Path) -> Path:
    """A fresh environment with nothing but torch and what it needs."""
    base = interpreter.find("3.10", os.environ)
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", "-p", base, root], check=True)
    python = root / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, "torch==2.6.0"], check=True)
    return python
