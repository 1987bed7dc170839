"""The first compile, with a stand-in for nvcc that says what a real one said; the real ones are in integration."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import HostCompilerError
from factory.kernels import firstcompile
from factory.toolkit.toolkit import CudaToolkit

LOGS = Path(__file__).parents[1] / "data" / "logs"
HEAD = '#!/bin/sh\n[ "$LC_ALL" = C ] && [ "$1 $2 $3 $4" = "-ccbin /g++-13 -std=c++17 -c" ] && [ -f "$5" ] || exit 9\n'


def toolkit(home: Path, body: str, origin: str = "CUDA_HOME") -> CudaToolkit:
    (home / "bin").mkdir(parents=True)
    (home / "bin/nvcc").write_text(HEAD + body)
    (home / "bin/nvcc").chmod(0o755)
    return CudaToolkit(version="13.0", home=home, release="13.0.88", digest="", origin=origin)


def test_one_that_compiles(tmp_path: Path) -> None:
    tried = toolkit(tmp_path, 'echo "$7" > "${0%/*}/told"; touch "$7"\n')
    firstcompile.check(tried, Path("/g++-13"), {"PATH": "/usr/bin:/bin"})
    assert not Path((tmp_path / "bin/told").read_text().strip()).exists(), "nothing of it stays"


@pytest.mark.parametrize(
    ("origin", "remedy"),
    [
        ("CUDA_HOME", "Type: unset CUDA_HOME; then the same command again, which takes or fetches another."),
        ("CUDA_PATH", "Type: unset CUDA_PATH; then the same command again, which takes or fetches another."),
        ("the cache", "Run the same command again with --backend container."),
    ],
)
def test_what_the_compiler_said_is_told(tmp_path: Path, origin: str, remedy: str) -> None:
    tried = toolkit(tmp_path, f"cat {LOGS / 'cuda-glibc-nvcc.log'} >&2; exit 2\n", origin)
    with pytest.raises(HostCompilerError, match=f"of {origin} cannot compile with /g..-13 on this machine") as caught:
        firstcompile.check(tried, Path("/g++-13"), {"PATH": "/usr/bin:/bin"})
    assert caught.value.remedy == remedy
    assert ['"rsqrt"' in caught.value.why[0], '"rsqrtf"' in caught.value.why[1]] == [True, True]


@pytest.mark.parametrize(
    ("body", "why"),
    [("seq 9; exit 1\n", ("7", "8", "9")), ("exit 1\n", ()), ("kill -9 $$\n", ())],
)
def test_one_that_fails_without_an_error(tmp_path: Path, body: str, why: tuple[str, ...]) -> None:
    with pytest.raises(HostCompilerError) as caught:
        firstcompile.check(toolkit(tmp_path, body), Path("/g++-13"), {"PATH": "/usr/bin:/bin"})
    assert caught.value.why == why
