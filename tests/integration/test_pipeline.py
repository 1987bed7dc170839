"""Every stage of the main job, for real, on an sdist of three kernels."""

import os
import shlex
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from factory.audit import audit
from factory.audit.report import read_report
from factory.build import host
from factory.build.build import Order, build
from factory.build.host import Host
from factory.errors import DigestError, FactoryError, InstallError, WheelBuildError
from factory.kernels import kernels, prepared
from factory.pool import archive as poolarchive
from factory.pool.store import pool_in
from factory.publish import remotepool
from factory.publish.remotepool import Remote
from factory.session import Session
from factory.system.process import run
from factory.wheel.facts import SBOM
from tests.elfobject import gpu_code
from tests.githubserver import github_server
from tests.githubstore import REPOSITORY
from tests.integration.bench import Bench, Made, assembled, make_bench
from tests.publishing import put_list

pytestmark = pytest.mark.e2e_torch


def test_the_wheel_has_the_guides_name(made: Made) -> None:
    bench, _, wheel = made
    python = bench.cell().cell.python.replace(".", "")
    assert wheel.name == f"flash_attn-0.0.1+cu12torch2.6cxx11abiFALSE.smoke-cp{python}-cp{python}-linux_x86_64.whl"


def test_the_audit_finds_nothing(made: Made) -> None:
    bench, ready, wheel = made
    report = audit.audit(wheel, host.expected(bench.cell(), ready, bench.session))
    assert report.findings == ()


def test_the_stale_package_is_not_packed(made: Made) -> None:
    _, _, wheel = made
    names = zipfile.ZipFile(wheel).namelist()
    assert "flash_attn/__init__.py" in names
    assert [name for name in names if name.endswith(f".dist-info/{SBOM}")]
    assert not [name for name in names if "cute" in name]


def test_it_imports_and_the_profile_reached_the_cxx_file(made: Made, tmp_path: Path) -> None:
    bench, _, wheel = made
    environment = bench.installer.prepare(bench.cell().torch, bench.cell().build, bench.cell().cell.python)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import torch, flash_attn; print(flash_attn.__version__, flash_attn.flash_attn_func(0.0))"
    done = run([environment.python, "-c", code], env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.stdout == "0.0.1 forward only\n", done.stderr


def test_one_more_torch_takes_the_same_kernels(made: Made, tmp_path: Path) -> None:
    """Torch 2.5 and 2.6 are of one class; only the C++ file is compiled again."""
    bench, ready, _ = made
    wheel = bench.build(ready, tmp_path, torch="2.5")
    assert "torch2.5" in wheel.name
    assert audit.audit(wheel, host.expected(bench.cell(torch="2.5"), ready, bench.session)).ok


def test_this_machine_makes_kernels_wheel_and_audit_in_one_go(made: Made, tmp_path: Path) -> None:
    bench, _, _ = made
    order = Order(cells=(bench.cell().cell,), matrix=bench.matrix, session=bench.session)
    place, told = Host(order=order, installer=bench.installer), list[FactoryError]()
    place.look()
    place.install()
    outcome = build(order, place, tmp_path, tell=told.append)
    assert (told, outcome.failures) == ([], ())
    (wheel,) = tmp_path.glob("*.whl")
    assert read_report(audit.report_path(wheel).read_text()).ok
    (log,) = (bench.session.cache / "logs").glob(f"wheel-{wheel.stem}.log")
    command = log.read_text().splitlines()[0]
    assert shlex.split(command)[2:5] == ["-m", "pip", "wheel"]


@pytest.mark.parametrize("archs", [("8.6",), ("8.0", "8.9+PTX"), ("9.0a",)])
def test_architectures_are_freely_chosen(made: Made, archs: tuple[str, ...], tmp_path: Path) -> None:
    bench, _, _ = made
    wanted = bench.with_archs(*archs)
    ready = kernels.kernels(wanted, bench.session)
    cell = bench.cell()
    cell = replace(cell, cell=replace(cell.cell, archs=wanted.archs))
    wheel = host.build(cell, ready, installer=bench.installer, session=bench.session, dist=tmp_path)
    report = audit.audit(wheel, host.expected(cell, ready, bench.session))
    assert report.findings == ()


def test_a_cxx_file_that_does_not_compile_is_named(bench: Bench, tmp_path: Path) -> None:
    ready = kernels.kernels(bench.kernels, bench.session)
    (ready.ready.root / "csrc/flash_attn/flash_api.cpp").write_text("#error broken on purpose\n")
    with pytest.raises(WheelBuildError) as caught:
        bench.build(ready, tmp_path)
    assert any("broken on purpose" in line for line in caught.value.why)


def test_every_symbol_that_torch_lacks_is_named_and_nothing_delivered(bench: Bench, tmp_path: Path) -> None:
    ready = kernels.kernels(bench.kernels, bench.session)
    source = ready.ready.root / "csrc/flash_attn/flash_api.cpp"
    text = source.read_text().replace("std::string fwd(", "namespace at { void nowhere(), never(); }\nstd::string fwd(")
    source.write_text(text.replace("run_bwd(params, stream);", "run_bwd(params, stream), at::nowhere(), at::never();"))
    with pytest.raises(InstallError, match=r"does not load with torch 2\.6\.0") as caught:
        bench.build(ready, tmp_path / "dist")
    assert caught.value.why == ("undefined symbol: _ZN2at5neverEv", "undefined symbol: _ZN2at7nowhereEv")
    assert not (tmp_path / "dist").exists()


def test_flags_added_behind_the_readers_back_are_refused(bench: Bench, tmp_path: Path) -> None:
    """setup.py is read, not run: what it computes at run time must not slip past the objects."""
    ready = kernels.kernels(bench.kernels, bench.session)
    setup = ready.ready.root / "setup.py"
    setup.write_text(setup.read_text().replace("ext_modules = []", "nvcc_flags.append('-DSURPRISE')\next_modules = []"))
    with pytest.raises(WheelBuildError) as caught:
        bench.build(ready, tmp_path)
    assert any("-DSURPRISE" in line for line in caught.value.why)


def test_one_more_architecture_of_a_pass_runs_no_front_end(bench: Bench, tmp_path: Path) -> None:
    kernels.kernels(bench.with_archs("8.0"), bench.session)
    first = pool_in(bench.session.cache).by_key()
    wanted = bench.with_archs("8.0", "8.6")
    more = kernels.kernels(wanted, bench.session)
    added = [record for key, record in pool_in(bench.session.cache).by_key().items() if key not in first]
    assert {key: pool_in(bench.session.cache).record(key) for key in first} == first
    assert more.compiled == 3
    assert [(record.part, record.passes, record.targets) for record in added] == [("sm_86", 0, 1)] * 3
    cell = replace(bench.cell(), cell=replace(bench.cell().cell, archs=wanted.archs))
    wheel = host.build(cell, more, installer=bench.installer, session=bench.session, dist=tmp_path)
    assert audit.audit(wheel, host.expected(cell, more, bench.session)).findings == ()


def with_gh(session: Session, directory: Path) -> Session:
    """Give the session a ``gh`` that finds every attestation right, for GitHub is not to be had."""
    program = directory / "programs" / "gh"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return replace(session, env={**session.env, "PATH": f"{program.parent}:{session.env['PATH']}"})


def test_published_kernels_are_fetched_and_not_compiled(made: Made, tmp_path: Path) -> None:
    """The second machine compiles one C++ file."""
    bench, ready, _ = made
    record = prepared.record(ready.ready)
    other = make_bench(tmp_path / "other")
    with github_server() as server:
        release = server.add("kernels-v0.0.1", draft=False)
        for archive in poolarchive.export(pool_in(bench.session.cache), record, tmp_path)[1]:
            server.put(release, archive.path.name, archive.path.read_bytes())
        put_list(server, release)
        remote = Remote(repository=REPOSITORY, server=server.api)
        fetch = partial(remotepool.take, remote=remote, session=with_gh(other.session, tmp_path))
        fetched = kernels.kernels(other.kernels, other.session, fetch=fetch)
        assert server.wrong == []
    assert fetched.compiled == 0
    assert f"kernels: {record.name} fetched from kernels-v0.0.1 of {REPOSITORY}" in other.output.getvalue()
    wheel = other.build(fetched, tmp_path / "dist")
    assert audit.audit(wheel, host.expected(other.cell(), fetched, other.session)).findings == ()


def damaged(bench: Bench, key: str, how: Callable[[bytes], bytes]) -> None:
    found = pool_in(bench.session.cache).get(key)
    assert found is not None
    found[1].write_bytes(how(found[1].read_bytes()))


def test_parts_damaged_between_two_builds_are_made_anew_and_never_linked(made: Made, tmp_path: Path) -> None:
    bench, ready, _ = made
    before = {key: gpu_code(path) for key, path in assembled(bench, ready, tmp_path).items()}
    first, second, _ = ready.ready.units
    damaged(bench, first.host, lambda whole: whole[:-1])
    damaged(bench, second.stages[0].code[1][1], lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DigestError, match="lost or damaged"):
        bench.build(ready, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()
    again = kernels.kernels(bench.kernels, bench.session)
    assert again.compiled == 2
    assert {key: gpu_code(path) for key, path in assembled(bench, again, tmp_path).items()} == before
    wheel = bench.build(again, tmp_path / "dist")
    assert audit.audit(wheel, host.expected(bench.cell(), again, bench.session)).findings == ()
