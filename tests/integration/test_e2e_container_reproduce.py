"""A wheel that a container made, made again in another: a small sdist, the real torch, CUDA 12.4 and cibuildwheel.

Run by ``nox -s e2e_container``. One container compiles three small kernels, another makes the wheel, for which torch
2.6.0 is fetched each time; nothing is shared but the sdist.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from factory.audit.audit import report_path
from factory.errors import ReproduceError
from factory.image.layout import name as builder_name
from factory.matrix.load import load
from factory.system.files import sha256_of
from tests.frozen import MATRIX
from tests.integration import enginebench
from tests.integration.enginebench import factory, with_image
from tests.integration.test_e2e import WHEEL
from tests.smallsdist import matrix_with_small_sdist

pytestmark = pytest.mark.e2e_container

CELL = ("cu124", "torch2.6", "cp310", "--profile", "smoke", "--archs", "8.0")
IMAGE = builder_name("12.4")
CHANGED = "flash_attn/__init__.py"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A wheel, the directory whose matrix it was made with, and another cache, which has the sdist alone."""

    wheel: Path
    here: Path
    other: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    engine = enginebench.engine(tmp_path_factory.mktemp("engine"))
    if not engine.run("image", "inspect", IMAGE, timeout=60).ok:
        assert factory(enginebench.ROOT, "image", "cu124").wait() == 0
    here, cache, other, dist = map(tmp_path_factory.mktemp, ("here", "cache", "other", "dist"))
    small = matrix_with_small_sdist(cache, load(MATRIX.read_text()).flash_attn["2.7.4.post1"])
    (here / "matrix.yaml").write_text(with_image(IMAGE, small))
    shutil.copytree(cache / "sdists", other / "sdists")
    status, said = run(here, cache, "build", *CELL, "--backend", "container", "--no-remote-pool", "--dist", dist)
    assert status == 0, said
    return Made(wheel=dist / WHEEL, here=here, other=other)


def run(here: Path, cache: Path, *words: str | Path) -> tuple[int, str]:
    with factory(here, *words, cache=cache, output=subprocess.PIPE) as process:
        said, _ = process.communicate()
    sys.stdout.write(said)
    return process.returncode, said


def test_another_container_makes_the_same_bytes(made: Made) -> None:
    status, said = run(made.here, made.other, "reproduce", made.wheel)
    assert status == 0
    assert f"reproduced: {WHEEL}, sha256 {sha256_of(made.wheel)}" in said
    assert [*(made.other / "reproduce").iterdir()] == []


def test_what_differs_is_named(made: Made, tmp_path: Path) -> None:
    changed = tmp_path / WHEEL
    with zipfile.ZipFile(made.wheel) as source, zipfile.ZipFile(changed, "w") as target:
        length = source.getinfo(CHANGED).file_size
        for entry in source.infolist():
            target.writestr(entry, source.read(entry) + b"#" * (entry.filename == CHANGED))
    report = json.loads(report_path(made.wheel).read_text())
    report_path(changed).write_text(json.dumps(report | {"sha256": sha256_of(changed)}))
    status, said = run(made.here, made.other, "reproduce", changed)
    assert status == ReproduceError.status
    assert "came out with other bytes, in 1 place" in said
    assert f"{CHANGED} differs from byte {length} on" in said
    assert sha256_of(made.other / "reproduce" / WHEEL) == sha256_of(made.wheel)
