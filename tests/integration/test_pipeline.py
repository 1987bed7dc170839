"""Every stage of the main job, for real, on an sdist of three kernels."""

import os
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from factory.core.errors import InstallError, KernelError, TorchClassError, WheelBuildError
from factory.edge import hostcompiler, workshop
from factory.edge.shell import run
from factory.verb import audit, build, kernels
from tests.integration.bench import Bench, Made


def test_the_wheel_has_the_guides_name(made: Made) -> None:
    bench, _, wheel = made
    python = bench.cell().cell.python.replace(".", "")
    assert wheel.name == f"flash_attn-0.0.1+cu12torch2.6cxx11abiFALSE.smoke-cp{python}-cp{python}-linux_x86_64.whl"


def test_the_audit_finds_nothing(made: Made) -> None:
    bench, ready, wheel = made
    report = audit.audit(wheel, build.expected(bench.cell(), ready, bench.shop))
    assert report.findings == ()


def test_the_stale_package_is_not_packed(made: Made) -> None:
    _, _, wheel = made
    names = zipfile.ZipFile(wheel).namelist()
    assert "flash_attn/__init__.py" in names
    assert not [name for name in names if "cute" in name]


def test_it_imports_and_the_profile_reached_the_cxx_file(made: Made, tmp_path: Path) -> None:
    bench, _, wheel = made
    environment = bench.installer.prepare(bench.cell().torch, bench.cell().build, bench.cell().cell.python)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import torch, flash_attn; print(flash_attn.__version__, flash_attn.flash_attn_func(0.0))"
    done = run([environment.python, "-c", code], env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.stdout == "0.0.1 forward only\n", done.stderr


def test_a_second_time_nothing_is_compiled(made: Made) -> None:
    bench, ready, _ = made
    again = kernels.kernels(bench.kernels, bench.shop)
    assert (ready.compiled, again.compiled) == (3, 0)
    assert again.objects == ready.objects


def test_one_more_torch_takes_the_same_kernels(made: Made, tmp_path: Path) -> None:
    """Torch 2.5 and 2.6 are of one class; only the C++ file is compiled again."""
    bench, ready, _ = made
    wheel = bench.build(ready, tmp_path, torch="2.5")
    assert "torch2.5" in wheel.name
    assert audit.audit(wheel, build.expected(bench.cell(torch="2.5"), ready, bench.shop)).ok


def test_a_damaged_object_is_compiled_again(made: Made) -> None:
    bench, ready, _ = made
    path, _ = next(iter(ready.objects.values()))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert kernels.kernels(bench.kernels, bench.shop).compiled == 1


@pytest.mark.parametrize("archs", [("8.6",), ("8.0", "8.9+PTX"), ("9.0a",)])
def test_architectures_are_freely_chosen(made: Made, archs: tuple[str, ...], tmp_path: Path) -> None:
    bench, _, _ = made
    wanted = bench.with_archs(*archs)
    ready = kernels.kernels(wanted, bench.shop)
    cell = bench.cell()
    cell = replace(cell, cell=replace(cell.cell, archs=wanted.archs))
    wheel = build.build(cell, ready, installer=bench.installer, shop=bench.shop, dist=tmp_path)
    report = audit.audit(wheel, build.expected(cell, ready, bench.shop))
    assert report.findings == ()


def test_kernels_of_another_class_are_refused_before_the_link(made: Made, tmp_path: Path) -> None:
    bench, _, _ = made
    wrong = replace(bench.kernels, kernel_class=workshop.kernel_class("torch2.10"))
    ready = kernels.kernels(wrong, bench.shop)
    with pytest.raises(TorchClassError, match=r"torch 2\.6\.0 does not fit kernel class torch2\.10") as caught:
        bench.build(ready, tmp_path)
    assert any("offset_intragraph_" in line for line in caught.value.why)
    assert list(tmp_path.iterdir()) == []


def test_a_torch_with_one_field_widened_is_refused(made: Made, tmp_path: Path) -> None:
    """What torch 2.10 did to its header, done to a copy of 2.6's."""
    bench, ready, _ = made
    environment = bench.installer.prepare(bench.cell().torch, bench.cell().build, bench.cell().cell.python)
    name = "ATen/cuda/detail/PhiloxCudaStateRaw.cuh"
    text = (environment.torch / "include" / name).read_text()
    changed = tmp_path / name
    changed.parent.mkdir(parents=True)
    changed.write_text(text.replace("uint32_t offset_intragraph_", "uint64_t offset_intragraph_"))
    with pytest.raises(TorchClassError, match="does not fit") as caught:
        hostcompiler.check_class(
            ready.wanted.kernel_class,
            bench.cell().torch,
            compiler=ready.compiler,
            include_dirs=(tmp_path, environment.torch / "include", ready.toolkit.home / "include"),
            env=bench.shop.env,
        )
    assert any("another size" in line for line in caught.value.why)


def test_a_kernel_that_does_not_compile_is_named(bench: Bench) -> None:
    root = kernels.prepare(bench.kernels, bench.shop).root
    (root / "csrc/flash_attn/src/launch.h").write_text("#error broken on purpose\n")
    with pytest.raises(KernelError) as caught:
        kernels.kernels(bench.kernels, bench.shop)
    assert any("broken on purpose" in line for line in caught.value.why)


def test_a_cxx_file_that_does_not_compile_is_named(bench: Bench, tmp_path: Path) -> None:
    ready = kernels.kernels(bench.kernels, bench.shop)
    (ready.root / "csrc/flash_attn/flash_api.cpp").write_text("#error broken on purpose\n")
    with pytest.raises(WheelBuildError) as caught:
        bench.build(ready, tmp_path)
    assert any("broken on purpose" in line for line in caught.value.why)


def test_an_extension_that_torch_cannot_satisfy_is_not_delivered(bench: Bench, tmp_path: Path) -> None:
    ready = kernels.kernels(bench.kernels, bench.shop)
    source = ready.root / "csrc/flash_attn/flash_api.cpp"
    text = source.read_text().replace("std::string fwd(", "namespace at { void nowhere(); }\n\nstd::string fwd(")
    source.write_text(text.replace("run_bwd(params, stream);", "run_bwd(params, stream);\n    at::nowhere();"))
    with pytest.raises(InstallError, match=r"does not load with torch 2\.6\.0") as caught:
        bench.build(ready, tmp_path / "dist")
    assert any("nowhere" in line for line in caught.value.why)
    assert not (tmp_path / "dist").exists()


def test_flags_added_behind_the_readers_back_are_refused(bench: Bench, tmp_path: Path) -> None:
    """setup.py is read, not run: what it computes at run time must not slip past the objects."""
    ready = kernels.kernels(bench.kernels, bench.shop)
    setup = ready.root / "setup.py"
    setup.write_text(setup.read_text().replace("ext_modules = []", "nvcc_flags.append('-DSURPRISE')\next_modules = []"))
    with pytest.raises(WheelBuildError) as caught:
        bench.build(ready, tmp_path)
    assert any("-DSURPRISE" in line for line in caught.value.why)


def test_nvidias_own_tool_reads_the_same_architectures(made: Made, tmp_path: Path) -> None:
    bench, _, _ = made
    ready = kernels.kernels(bench.kernels, bench.shop)
    tool = ready.toolkit.home / "bin" / "cuobjdump"
    for path, _ in ready.objects.values():
        unit = tmp_path / "unit.o"
        shutil.copy(path, unit)
        listed = subprocess.run([tool, "--list-elf", unit], capture_output=True, text=True, check=True).stdout
        assert sorted(re.findall(r"sm_\d+", listed)) == ["sm_80", "sm_90"]
