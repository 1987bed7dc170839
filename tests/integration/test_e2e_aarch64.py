"""A wheel for aarch64 made here, beside the one for this machine: audited, compared, and imported under an emulator.

Run by ``nox -s e2e_aarch64``, as root on Debian. Takes ten gigabytes of the cache the first time.
"""

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from factory.audit import audit
from factory.build import host, setup
from factory.build.setup import CellWanted
from factory.kernels import kernels
from factory.kernels.kernels import CompiledSet
from factory.kernels.reproducible import path_flags, unit_flags
from factory.matrix.arch import gencode
from factory.pool.store import pool_in
from factory.prove import prove
from factory.system import process
from factory.system.files import sha256_of
from factory.wheel import elf
from tests.elfobject import gpu_code
from tests.integration import emulated
from tests.integration.bench import Bench, make_bench
from tests.integration.emulated import MACHINE, Emulated

pytestmark = pytest.mark.e2e_aarch64

MACHINES = ("x86_64", MACHINE)
MAGIC = bytes.fromhex("50ed55ba0100")
HEADER = struct.Struct("<6xHQ")  # bytes of the header itself, and of what follows it
IMPORT = """
import platform, torch, flash_attn
from flash_attn import flash_attn_func
print(platform.machine(), torch.__version__, flash_attn.__version__, flash_attn_func(0.0))
"""


class Yard:
    """The small sdist, its kernels and its wheels for both machines, with CUDA 13.0 and torch 2.11."""

    def __init__(self, root: Path) -> None:
        emulated.require()
        self.root, self.python = emulated.debian()
        self.bench: Bench = make_bench(root)
        self.kernels: dict[str, CompiledSet] = {}
        self.made: dict[str, set[str]] = {}
        self.wheels: dict[str, Path] = {}
        for machine in MACHINES:
            toolkit = self.bench.matrix.toolkits["13.0"]
            wanted = replace(self.bench.kernels, toolkit=toolkit, machine=machine)
            before = pool_in(self.bench.session.cache).by_key().keys()
            self.kernels[machine] = kernels.kernels(wanted, self.bench.session)
            self.made[machine] = set(pool_in(self.bench.session.cache).by_key().keys() - before)
            self.wheels[machine] = host.build(
                self.cell(machine),
                self.kernels[machine],
                installer=self.bench.installer,
                session=self.bench.session,
                dist=root / "dist",
            )

    def cell(self, machine: str) -> CellWanted:
        cell = replace(self.bench.cell(self.python).cell, cuda="13.0", torch="2.11", cxx11abi=True, machine=machine)
        return setup.wanted(cell, self.bench.matrix)

    def module(self, machine: str, into: Path) -> Path:
        with zipfile.ZipFile(self.wheels[machine]) as wheel:
            wheel.extractall(into / machine)
        (module,) = (into / machine).glob("*.so")
        return module


def fat_binaries(section: bytes) -> list[bytes]:
    """Cut a section at its fat binaries; what lies between them is how far each machine's assembler aligns them."""
    found, at = [], section.find(MAGIC)
    while at >= 0:
        head, size = HEADER.unpack_from(section, at)
        found.append(section[at : at + head + size])
        at = section.find(MAGIC, at + head + size)
    return found


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(tmp_path_factory.mktemp("yard"))


def test_only_host_code_was_compiled_for_it(yard: Yard) -> None:
    records = pool_in(yard.bench.session.cache).by_key()
    added = [records[key] for key in yard.made[MACHINE]]
    units = yard.kernels[MACHINE].ready.units
    assert {(record.part, record.passes, record.targets) for record in added} == {("host", 0, 0)}
    assert yard.made[MACHINE] == {unit.host for unit in units}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_audit_finds_nothing(yard: Yard, machine: str) -> None:
    expected = host.expected(yard.cell(machine), yard.kernels[machine], yard.bench.session)
    report = audit.audit(yard.wheels[machine], expected)
    assert report.findings == ()
    assert yard.wheels[machine].name.endswith(f"-linux_{machine}.whl")


def test_its_gpu_code_is_that_of_the_other_wheel_byte_for_byte(yard: Yard, tmp_path: Path) -> None:
    here, there = (yard.module(machine, tmp_path) for machine in MACHINES)
    assert [elf.read(path, path.name).machine for path in (here, there)] == list(MACHINES)
    ours, theirs = (fat_binaries(gpu_code(path)) for path in (here, there))
    assert len(ours) == len(yard.kernels[MACHINE].ready.units)
    assert ours == theirs


def test_nvcc_makes_the_same_machine_code_where_it_compiles_for_that_machine(yard: Yard) -> None:
    wanted = yard.cell(MACHINE)
    session, installer = yard.bench.session, yard.bench.installer
    plain = prove.Plain(
        torch=wanted.torch,
        cell=wanted.cell,
        environment=host.prepare(wanted, installer),
        target=host.target(wanted, installer, session),
    )
    proof = prove.prove(yard.kernels[MACHINE].ready.wanted, plain, session, whole=True)
    assert proof.name.endswith(f"-{MACHINE}")
    assert proof.cross_compiler is not None
    assert {(code.kernels, code.moved) for unit in proof.units for code in unit.code} == {(1, 0)}


def test_the_programs_of_that_machine_make_the_very_parts_that_are_in_the_pool(yard: Yard, tmp_path: Path) -> None:
    """What is compiled here is what nvcc makes there, its host code included: so either may take the other's."""
    ready, pool = yard.kernels[MACHINE].ready, pool_in(yard.bench.session.cache)
    environment = host.prepare(yard.cell(MACHINE), yard.bench.installer)
    home = emulated.toolkit("13.0", environment.python, yard.bench.installer)
    unit, kept = ready.units[0], tmp_path / "kept"
    flags = [flag for stage in unit.stages for flag in gencode(stage.virtual, [arch for arch, _ in stage.code])]
    words = ("-ccbin", str(ready.linker.path), *ready.nvcc[3:], *path_flags({home: "cuda"}), *flags)
    output = tmp_path / "unit.o"
    own = (*unit_flags(unit.source), "-c", unit.source, "-o", str(output))
    emulated.compiled((*words, *own), home, cwd=ready.root, keep=kept)
    (tmp_path / "nothing").write_bytes(bytes(8))
    emptied = ("--update-section", f".nv_fatbin={tmp_path / 'nothing'}", str(output))
    assert process.run([str(ready.linker.objcopy), *emptied]).ok
    (stub,) = kept.glob("*.stub.c")
    made = {unit.host: output, unit.stub: stub}
    made |= {key: kept / f"{unit.name}.sm_{arch.number}.cubin" for stage in unit.stages for arch, key in stage.code}
    for key, path in made.items():
        record = pool.record(key)
        assert record is not None
        assert (record.part, sha256_of(path)) == (record.part, record.sha256)


def test_it_is_imported_beside_the_real_torch_for_its_machine(yard: Yard, tmp_path: Path) -> None:
    cell = yard.cell(MACHINE)
    site = emulated.whole_torch(cell.torch, cell.build, yard.python, yard.bench.installer)
    there = Emulated(root=yard.root, python=yard.python, site=site)
    module = yard.module(MACHINE, tmp_path)
    done = there.run(IMPORT, module.parent)
    assert done.stdout.split() == [MACHINE, "2.11.0+cu130", "0.0.1", "forward", "only"], done.stderr
