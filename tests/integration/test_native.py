"""A machine of another kind with kernels that this one compiled: it differs by its name and by what its g++ says."""

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import KernelError
from factory.kernels import kernels, prepared
from factory.kernels.adopt import adopt
from factory.kernels.kernels import CompiledSet
from factory.pool.record import SetRecord
from factory.pool.store import Pool, pool_in
from tests.integration.bench import Bench, Compiled

MACHINE = "aarch64"
ALIAS = f"""#!/bin/sh
[ "$1" = -v ] || exec {shutil.which("g++")} "$@"
{shutil.which("g++")} "$@" 2>&1 | sed "s/^Target:.*/Target: aarch64-linux-gnu/" >&2
"""


@pytest.fixture
def elsewhere(compiled: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The same cache on a machine of the other name."""
    bench, first = compiled
    (tmp_path / "g++").write_text(ALIAS)
    (tmp_path / "g++").chmod(0o755)
    shutil.copytree(bench.session.cache, tmp_path / "cache", symlinks=True)
    monkeypatch.setattr(platform, "machine", lambda: MACHINE)
    # No packages of this CUDA are listed for it.
    home = str(first.ready.toolkit.as_published.home)
    path = f"{tmp_path}{os.pathsep}{bench.session.env['PATH']}"
    env = {**bench.session.env, "PATH": path, "CUDA_HOME": home}
    session = replace(bench.session, cache=tmp_path / "cache", env=env)
    return replace(bench, session=session, kernels=replace(bench.kernels, machine=MACHINE))


def noted(bench: Bench, change: Callable[[SetRecord], SetRecord]) -> Pool:
    """Have the pool hold the one set that was compiled, with something else in its record."""
    pool = pool_in(bench.session.cache)
    (record,) = (one for one in pool.sets() if one.compiled_on)
    for path in pool.lists():
        path.unlink()
    pool.note(change(record))
    return pool


def test_its_machine_code_is_taken_and_the_host_code_alone_is_compiled(compiled: Compiled, elsewhere: Bench) -> None:
    _, first = compiled
    before = pool_in(elsewhere.session.cache).by_key()
    taken = kernels.kernels(elsewhere.kernels, elsewhere.session)
    after = pool_in(elsewhere.session.cache).by_key()
    added = {key: record for key, record in after.items() if key not in before}
    assert added.keys() == {unit.host for unit in taken.ready.units}
    assert {(record.part, record.passes, record.targets) for record in added.values()} == {("host", 0, 0)}
    for theirs, ours in zip(first.ready.units, taken.ready.units, strict=True):
        assert set(theirs.made()) - {theirs.host} == set(ours.made()) - {ours.host}
        assert after[ours.host].sha256 == before[theirs.host].sha256
    assert again(elsewhere).compiled == 0


def again(bench: Bench) -> CompiledSet:
    return kernels.kernels(bench.kernels, bench.session)


def another_pass(record: SetRecord) -> SetRecord:
    return replace(record, keys=tuple(key[::-1] for key in record.keys))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: replace(one, toolkit="12.4.99"), "CUDA 12.4.99 compiled it, and here is 12.4."),
        (lambda one: replace(one, host_compiler="9.1.0"), "g++ 9.1.0 preprocessed it, and here is "),
        (lambda one: replace(one, kin="0"), "its sources, headers or flags are others than here"),
        (lambda one: replace(one, toolkit_sha256="0"), "its keys are not those of what it says that it was compiled"),
        (lambda one: replace(one, host_compiler_sha256="0"), "its keys are not those of what it says that it was"),
        (another_pass, "its keys are not those of what it says that it was compiled with"),
        (lambda one: replace(one, compiled_on=""), ""),
        (lambda one: replace(one, compiled_on=MACHINE), ""),
        (lambda one: replace(one, profile="full"), ""),
    ],
)
def test_what_differs_is_not_taken_and_a_sentence_says_why(
    elsewhere: Bench, change: Callable[[SetRecord], SetRecord], said: str
) -> None:
    noted(elsewhere, change)
    ready = prepared.prepare(elsewhere.kernels, elsewhere.session)
    elsewhere.output.truncate(0)
    assert adopt(ready, elsewhere.session) is ready
    assert said in elsewhere.output.getvalue()
    assert ("is not used" in elsewhere.output.getvalue()) == bool(said)


def test_machine_code_that_is_not_there_is_not_taken(elsewhere: Bench) -> None:
    wanted = replace(elsewhere.kernels, archs=elsewhere.with_archs("8.0", "8.6", "9.0").archs)
    ready = prepared.prepare(wanted, elsewhere.session)
    assert adopt(ready, elsewhere.session) is ready
    assert "is not used: it has no machine code for 8.6" in elsewhere.output.getvalue()
    pool = noted(elsewhere, lambda one: one)
    ready = prepared.prepare(elsewhere.kernels, elsewhere.session)
    lost = next(key for key, record in sorted(pool.by_key().items()) if record.part == "sm_90")
    (pool.root / "parts" / f"{lost}.json").unlink()
    assert adopt(ready, elsewhere.session) is ready
    assert "is not used: the pool lacks 1 part of it" in elsewhere.output.getvalue()


def test_a_part_that_is_lost_later_is_never_compiled_here_under_the_other_s_name(elsewhere: Bench) -> None:
    taken = adopt(prepared.prepare(elsewhere.kernels, elsewhere.session), elsewhere.session)
    assert taken.compiled_on == "x86_64"
    pool = pool_in(elsewhere.session.cache)
    (_, lost), *_ = taken.units[0].stages[0].code
    (pool.root / "parts" / f"{lost}.json").unlink()
    with pytest.raises(KernelError) as caught:
        kernels.compile_missing(taken.units, taken, elsewhere.session)
    assert any("what another machine compiled was lost meanwhile" in line for line in caught.value.why)
    assert pool.get(lost) is None
