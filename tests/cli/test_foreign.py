"""A machine of another kind, which ``setarch`` makes of this one, as far as a program can ask."""

import os
import sys
from pathlib import Path

import pytest

from factory.system import process
from factory.system.process import Completed
from tests.smallsdist import ROOT, matrix_with_small_sdists


def typed(directory: Path, *words: str) -> Completed:
    cache = directory / "cache"
    (directory / "matrix.yaml").write_text(matrix_with_small_sdists(cache), encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FACTORY_CACHE": str(cache)}
    return process.run(
        ["setarch", "i686", sys.executable, "-m", "factory", *words], cwd=directory, env=env, timeout=120
    )


@pytest.mark.parametrize(
    ("words", "status"), [(("build", "--backend", "host"), 44), (("kernels",), 44), (("doctor",), 44)]
)
def test_nothing_is_fetched_for_what_this_machine_cannot_build(
    words: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    done = typed(tmp_path, *words, "cu124", "torch2.6", "cp310", "--profile", "smoke")
    assert done.status == status
    assert "this is i686; a wheel for x86_64 is built on x86_64" in done.stdout + done.stderr
    assert "Build on another machine." in done.stdout + done.stderr
    assert not (tmp_path / "cache" / "toolkits").exists()


def test_the_other_machine_is_answered_by_the_plan(tmp_path: Path) -> None:
    done = typed(tmp_path, "plan", "--why", "aarch64", "cu130", "torch2.11", "cp311", "fa2.8.3.post2")
    assert done.ok
    assert done.stdout.splitlines()[0] == "skipped: this factory cannot link the host code of wheels for aarch64 yet"
