"""Host code for another machine, with the machine's own g++ under the name of one that compiles for another."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from factory.kernels import kernels
from factory.pool.store import pool_in
from tests.integration.bench import Bench, Compiled

# Says of itself that it is for another machine.
ALIAS = """#!/bin/sh
[ "$1" = -v ] || exec g++ "$@"
g++ "$@" 2>&1 | sed "s/^Target:.*/Target: aarch64-linux-gnu/" >&2
"""


@pytest.fixture
def crossing(compiled: Compiled, tmp_path: Path) -> Bench:
    """A session that finds a compiler for aarch64, which is this machine's own."""
    bench, _ = compiled
    alias = tmp_path / "aarch64-linux-gnu-g++"
    alias.write_text(ALIAS)
    alias.chmod(0o755)
    env = {**bench.session.env, "PATH": f"{tmp_path}{os.pathsep}{bench.session.env['PATH']}"}
    return replace(bench, session=replace(bench.session, env=env), kernels=replace(bench.kernels, machine="aarch64"))


def test_no_kernel_is_compiled_again_and_the_host_code_is_what_nvcc_itself_makes(
    compiled: Compiled, crossing: Bench
) -> None:
    _, native = compiled
    pool = pool_in(crossing.session.cache)
    before = pool.by_key()
    crossed = kernels.kernels(crossing.kernels, crossing.session)
    added = {key: record for key, record in pool.by_key().items() if key not in before}
    assert added.keys() == {unit.host for unit in crossed.ready.units}
    assert {(record.part, record.passes, record.targets) for record in added.values()} == {("host", 0, 0)}
    assert "3 to compile, 3 of them host code alone" in crossing.output.getvalue()
    for here, there in zip(native.ready.units, crossed.ready.units, strict=True):
        assert here.key == there.key
        assert before[here.host].sha256 == added[there.host].sha256
