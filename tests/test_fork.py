"""What ``docs/fork.md`` has people change in ``matrix.yaml`` breaks none of the tests, in a copy of the repository."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from factory.matrix.load import load as load_matrix
from factory.system import process
from tests.githubstore import REPOSITORY
from tests.rehearsal import fork
from tests.smallsdist import matrix_with_small_sdists

Change = Callable[[str], str]
ROOT = Path(__file__).parents[1]
SERIES = "2.999"  # which torch will not get to, so that no real row is in the way
LOCK = "test_live_matrix.py::test_what_it_builds_has_its_lock_files"


def replaced(pattern: str, by: str, text: str) -> str:
    made, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    assert count == 1, f"matrix.yaml has {count} times {pattern}"
    return made


def other_gpus(text: str) -> str:
    return replaced(r"^archs:.*\n(?:[ -].*\n)*", "archs: [8.6, 8.9]\n", text)


def a_gpu_runner(text: str) -> str:
    return replaced(r"^  gpu:.*\n(?:   .*\n)*", "  gpu: [x]\n", text)


def one_torch_only(text: str) -> str:
    """Leave only the newest line under ``wheels``."""
    return replaced(r"^wheels:\n(?:(?:  .*)?\n)*?(  \S+:(?: .*)?\n(?:    .*\n)+)\n(?=\S)", r"wheels:\n\1\n", text)


def another_torch(text: str) -> str:
    """Add a torch as ``nox -s update`` proposes it: a row under ``torch``, one under ``wheels``, and who may use it."""
    matrix = load_matrix(text)
    flash_attn, python = list(matrix.flash_attn)[-1], list(matrix.cibuildwheel)[-1]
    last = list(matrix.torch.values())[-1]
    cuda = last.builds[-1].cuda
    text = replaced(
        r"^torch:\n",
        f"torch:\n  {SERIES}:\n    release: {SERIES}.0\n"
        f'    cxx_standard: {last.cxx_standard}\n    setuptools: ">=77.0.3"\n'
        f"    builds:\n      {cuda}: {{abi: true, index: default}}\n",
        text,
    )
    row = f"  {SERIES}:\n    flash_attn: [{flash_attn}]\n    cuda: {{{cuda}: true}}\n    python: [{python}]\n"
    text = replaced(r"^wheels:\n", f"wheels:\n{row}", text)
    text = replaced(rf"^(  {re.escape(python)}: .*last_torch: )[\d.]+", rf"\g<1>{SERIES}", text)
    return replaced(rf"^(  {re.escape(flash_attn)}:\n(?:    .*\n)*?    torch: \[[^]]+)\]", rf"\1, {SERIES}]", text)


@pytest.mark.live_matrix
@pytest.mark.parametrize(
    ("changes", "left"),
    [((other_gpus,), ""), ((a_gpu_runner, one_torch_only), ""), ((another_torch,), LOCK)],
)
def test_what_a_fork_changes_breaks_no_test(changes: Collection[Change], left: str, tmp_path: Path) -> None:
    """Only a torch that nobody locked yet makes one fail, which says how to lock it."""
    text = (ROOT / "matrix.yaml").read_text(encoding="utf-8")
    for change in changes:
        text = change(text)
    copy = tmp_path / "copy"
    fork.make(ROOT, copy, REPOSITORY, {"matrix.yaml": text})
    here = Path(__file__).relative_to(ROOT)
    live = [
        path.relative_to(copy)
        for path in (copy / "tests").rglob("test_*.py")
        if "live_matrix" in path.read_text() and path.relative_to(copy) != here and "integration" not in path.parts
    ]
    words: list[str | Path] = ["-q", "--noconftest", "-m", "live_matrix", *live]
    done = process.run([sys.executable, "-m", "pytest", *words], cwd=copy, env=os.environ, timeout=120)
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    assert [name.removeprefix("tests/") for name in failed] == [left] * bool(left), done.stdout
    assert ("nox -s lock" in done.stdout) is bool(left)
    assert " passed" in done.stdout

    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache", copy / "matrix.yaml"))
    env = {**os.environ, "PYTHONPATH": str(copy), "FACTORY_CACHE": str(tmp_path / "cache")}
    planned = process.run([sys.executable, "-m", "factory", "plan"], cwd=tmp_path, env=env, timeout=120)
    assert planned.ok, planned.stderr
    assert f"torch{SERIES}" in planned.stdout or another_torch not in changes


def test_no_other_test_reads_the_real_matrix() -> None:
    with pytest.raises(pytest.fail.Exception, match="live_matrix"):
        (ROOT / "matrix.yaml").read_text()
