from __future__ import annotations

from pathlib import Path

import pytest

from factory.system import process
from factory.wheel import elf


@pytest.fixture(scope="session")
def shared_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the machine's own gcc makes of a function that calls the C library."""
    directory = tmp_path_factory.mktemp("elf")
    (directory / "code.c").write_text(
        '#include <stdio.h>\nextern void far(void);\nvoid near(void) { puts("/builder/tree/code.cpp:7"); far(); }\n'
    )
    command = ["gcc", "-shared", "-fPIC", "-Wl,-rpath,/some/where:$ORIGIN", "-o", "code.so", "code.c"]
    done = process.run(command, cwd=directory)
    assert done.ok, done.stderr
    return directory / "code.so"


def test_reads_what_the_linker_wrote(shared_object: Path) -> None:
    found = elf.read(shared_object, "code.so")
    assert found.path == "code.so"
    assert "near" in found.defined
    assert {"far", "puts"} <= found.undefined
    assert found.needed == ("libc.so.6",)
    assert found.rpaths == ("/some/where", "$ORIGIN")
    assert found.sources == ("/builder/tree/code.cpp",)
    assert found.fatbins == ()
    assert any(version.startswith("GLIBC_") for version in found.versions)
    assert found.policy.startswith("manylinux_")
    assert found.policy.endswith(f"_{found.machine}")


def test_an_object_has_no_dynamic_part(shared_object: Path, tmp_path: Path) -> None:
    output = tmp_path / "code.o"
    assert process.run(["gcc", "-c", "-o", output, shared_object.with_name("code.c")]).ok
    assert elf.read(output, "code.o").needed == ()


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(57)])
def test_what_is_no_shared_object(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(content)
    with pytest.raises(elf.ElfError, match=r"^x\.so is not a readable shared object"):
        elf.read(path, "x.so")


def test_a_section_beyond_the_end_is_refused(shared_object: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    data = shared_object.read_bytes()
    headers = int.from_bytes(data[40:48], "little")  # e_shoff
    size = headers + 64 + 32  # sh_size of the first real section
    path.write_bytes(data[:size] + (1 << 60).to_bytes(8, "little") + data[size + 8 :])
    with pytest.raises(elf.ElfError, match="reaches beyond the end"):
        elf.read(path, "x.so")
