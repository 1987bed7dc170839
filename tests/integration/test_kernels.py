"""The kernels of a small sdist: a real toolkit and a real nvcc, and headers of the real torch."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from factory.errors import KernelError, TorchHeadersError
from factory.kernels import hostcompiler, kernels
from factory.kernels.reproducible import unit_flags
from factory.kernels.shard import Shard
from factory.pool.store import pool_in
from tests.elfobject import gpu_code, symbols
from tests.integration.bench import ROOT, Bench, Compiled, assembled, make_bench
from tests.integration.torchheaders import headers


def test_a_second_time_nothing_is_compiled(compiled: Compiled) -> None:
    bench, ready = compiled
    again = kernels.kernels(bench.kernels, bench.session)
    assert (ready.compiled, again.compiled) == (3, 0)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("uint32_t offset_intragraph_ = 0;", "__uint128_t offset_intragraph_ = 0;", "offset_intragraph_ of this torch"),
        ("uint32_t offset_intragraph_ = 0;", "int offset_intragraph_ = 0;", "does not fit into 64 bits without sign"),
        ("bool captured_ = false;", "int captured_ = 0;", "captured_ has another type"),
        ("bool captured_ = false;", "bool captured_ = false; uint64_t key_ = 0;", "more than the four fields"),
        ("bool captured_ = false;", "bool captured_ = false, more_ = false;", "only 4 names provided"),
        ("uint64_t val;", "double val;", "Payload has another type"),
    ],
)
def test_a_torch_whose_state_the_kernels_would_lose_something_of_is_refused(
    compiled: Compiled, tmp_path: Path, before: str, after: str, said: str
) -> None:
    bench, ready = compiled
    environment = headers(bench.cell().torch, bench.cell().build)
    name = "ATen/cuda/detail/PhiloxCudaStateRaw.cuh"
    text = (environment.torch / "include" / name).read_text()
    assert before in text
    changed = tmp_path / name
    changed.parent.mkdir(parents=True)
    changed.write_text(text.replace(before, after))
    with pytest.raises(TorchHeadersError, match="does not fit") as caught:
        hostcompiler.check_bridge(
            bench.cell().torch,
            compiler=ready.ready.compiler,
            include_dirs=(tmp_path, environment.torch / "include", ready.ready.toolkit.home / "include"),
            env=bench.session.env,
        )
    assert any(said in line for line in caught.value.why)


def test_a_kernel_that_does_not_compile_is_named(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, {"csrc/flash_attn/src/launch.h": "#error broken on purpose\n"})
    with pytest.raises(KernelError) as caught:
        kernels.kernels(bench.kernels, bench.session)
    assert any("broken on purpose" in line for line in caught.value.why)


def test_nvidias_own_tool_reads_the_same_architectures(compiled: Compiled, tmp_path: Path) -> None:
    bench, ready = compiled
    tool = ready.ready.toolkit.home / "bin" / "cuobjdump"
    for path in assembled(bench, ready, tmp_path).values():
        listed = subprocess.run([tool, "--list-elf", path], capture_output=True, text=True, check=True).stdout
        assert sorted(re.findall(r"sm_\d+", listed)) == ["sm_80", "sm_90"]


def test_the_assembled_object_is_what_nvcc_itself_writes(compiled: Compiled, tmp_path: Path) -> None:
    bench, _ = compiled
    ready = kernels.kernels(bench.with_archs("8.0", "9.0", "8.6+PTX"), bench.session)
    flags = ("-gencode", "arch=compute_80,code=[sm_80,sm_86,sm_90]", "-gencode", "arch=compute_86,code=compute_86")
    for source, ours in assembled(bench, ready, tmp_path).items():
        theirs = tmp_path / "theirs.o"
        words = [*ready.ready.nvcc, *flags, *unit_flags(source), "-c", source, "-o", str(theirs)]
        subprocess.run(words, cwd=ready.ready.root, check=True)
        assert gpu_code(ours) == gpu_code(theirs)
        assert symbols(ours) == symbols(theirs)


def test_another_machine_makes_the_same_parts_and_no_path_is_in_them(compiled: Compiled, tmp_path: Path) -> None:
    """Another cache at another path, other processes, another order, and one architecture from PTX afterwards."""
    bench, ready = compiled
    other = make_bench(tmp_path / "quite another place")
    kernels.kernels(other.with_archs("9.0"), other.session, Shard(number=2, of=2))
    theirs = kernels.kernels(other.kernels, other.session)
    assert theirs.ready.units == ready.ready.units
    ours, again = (pool_in(one.session.cache).by_key() for one in (bench, other))
    wanted = {key for unit in ready.ready.units for key in unit.made()}
    assert {key: ours[key].sha256 for key in wanted} == {key: again[key].sha256 for key in wanted}
    for key in wanted:
        found = pool_in(other.session.cache).get(key)
        assert found is not None
        assert not [path for path in (other.session.cache, ROOT) if str(path).encode() in found[1].read_bytes()]


def test_shards_of_two_machines_make_one_set(bench: Bench, tmp_path: Path) -> None:
    other = make_bench(tmp_path / "other")
    first = kernels.kernels(bench.kernels, bench.session, Shard(number=1, of=2))
    second = kernels.kernels(other.kernels, other.session, Shard(number=2, of=2))
    assert sorted((first.compiled, second.compiled)) == [1, 2]
    for name in ("parts", "objects", "sets"):
        shutil.copytree(
            pool_in(other.session.cache).root / name, pool_in(bench.session.cache).root / name, dirs_exist_ok=True
        )
    assert kernels.kernels(bench.kernels, bench.session).compiled == 0
    (noted,) = pool_in(bench.session.cache).sets()
    assert pool_in(bench.session.cache).lacking(noted.keys) == set()
