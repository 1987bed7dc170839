"""Joins parts made by the stand-in nvcc; a script stands in for fatbinary, objcopy is the machine's own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from factory.errors import DigestError, KernelError
from factory.kernels.assemble import Assembler
from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch
from factory.pool.store import Pool
from factory.system import process
from tests.elfobject import gpu_code, symbols
from tests.kernelsets import store

A80, A90, A120 = Arch(8, 0), Arch(9, 0), Arch(12, 0)
UNIT = Unit(
    source="src/a.cu",
    host="host",
    stub="stub",
    stages=(
        Stage(virtual=A80, ptx="p80", embedded=False, code=((A80, "c80"), (A90, "c90"))),
        Stage(virtual=A120, ptx="p120", embedded=True, code=((A120, "c120"),)),
    ),
)
# Writes its arguments, the directory of the parts left out, and then what the files hold.
FATBINARY = r"""#!/bin/sh
out=${1#--create=}; shift
for word; do echo "$word" | sed 's/file=.*//'; case $word in *file=*) cat "${word##*file=}";; esac; done > "$out"
"""
HOST = 'asm(".section .nv_fatbin,\\"a\\"\\n.quad 0\\n.previous"); int launch() { return 1; }\n'


def put(pool: Pool, key: str, content: bytes) -> Path:
    return pool.object_path(store(pool, key, content, source=UNIT.source, part=key))


@pytest.fixture
def assembler(tmp_path: Path) -> Assembler:
    source, host, fatbinary = tmp_path / "host.cpp", tmp_path / "host.o", tmp_path / "fatbinary"
    source.write_text(HOST)
    assert process.run(["g++", "-c", source, "-o", host]).ok
    fatbinary.write_text(FATBINARY)
    fatbinary.chmod(0o755)
    pool = Pool(tmp_path / "pool")
    put(pool, "host", host.read_bytes())
    for key in ("p80", "p120", "c80", "c90", "c120"):
        put(pool, key, f"{key}\n".encode())
    (tmp_path / "objects").mkdir()
    return Assembler(
        pool=pool, fatbinary=fatbinary, objcopy=Path(shutil.which("objcopy") or "objcopy"), compression=None
    )


def test_the_object_has_the_host_code_and_just_the_gpu_code_asked_for(assembler: Assembler, tmp_path: Path) -> None:
    made = assembler.assemble(UNIT, tmp_path / "objects")
    assert gpu_code(made).decode().splitlines() == [
        *("-64", "--image3=kind=elf,sm=80,", "c80", "--image3=kind=elf,sm=90,", "c90"),
        *("--image3=kind=elf,sm=120,", "c120", "--image3=kind=ptx,sm=120,", "p120"),
    ]
    assert symbols(made) == symbols(tmp_path / "host.o")
    assert list((tmp_path / "objects").iterdir()) == [made]


def test_fewer_architectures_of_the_same_parts(assembler: Assembler, tmp_path: Path) -> None:
    fewer = replace(UNIT, stages=(replace(UNIT.stages[0], code=((A90, "c90"),)),))
    made = assembler.assemble(fewer, tmp_path / "objects")
    assert gpu_code(made).decode().splitlines() == ["-64", "--image3=kind=elf,sm=90,", "c90"]


def test_fatbinary_is_told_to_compress(assembler: Assembler, tmp_path: Path) -> None:
    made = replace(assembler, compression="balance").assemble(UNIT, tmp_path / "objects")
    assert gpu_code(made).decode().splitlines()[:3] == ["-64", "--compress-all", "--compress-mode=balance"]


@pytest.mark.parametrize("key", ["host", "c90", "p120"])
@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: b"?" + whole[1:], lambda _: b""])
def test_a_damaged_part_is_never_joined(assembler: Assembler, tmp_path: Path, key: str, damage: object) -> None:
    assert callable(damage)
    found = assembler.pool.get(key)
    assert found is not None
    found[1].write_bytes(damage(found[1].read_bytes()))
    with pytest.raises(DigestError, match=r"src/a\.cu was lost or damaged"):
        assembler.assemble(UNIT, tmp_path / "objects")
    assert list((tmp_path / "objects").iterdir()) == []


def test_a_program_that_fails_is_named(assembler: Assembler, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho out of luck >&2; exit 3\n")
    broken.chmod(0o755)
    for one in (replace(assembler, fatbinary=broken), replace(assembler, objcopy=broken)):
        with pytest.raises(KernelError, match=r"could not be put together \(status 3\)") as caught:
            one.assemble(UNIT, tmp_path / "objects")
        assert caught.value.why[0] == "out of luck"
        assert str(broken) in caught.value.why[1]
