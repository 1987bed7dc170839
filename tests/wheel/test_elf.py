from __future__ import annotations

from collections.abc import Callable
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
    command: list[str | Path] = ["gcc", "-shared", "-fPIC", "-Wl,-rpath,/some/where:$ORIGIN", "-o", "code.so", "code.c"]
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


def section_headers(data: bytes) -> list[int]:
    """Give where each section's header stands; offset and size of the section are 24 and 32 bytes behind."""
    start = int.from_bytes(data[40:48], "little")  # e_shoff
    return [start + 64 * number for number in range(int.from_bytes(data[60:62], "little"))]


def without_headers(data: bytes) -> bytes:
    return data[:40] + bytes(8) + data[48:58] + bytes(6) + data[64:]


def moved(data: bytes) -> bytes:
    """Have every section's header say that it lies elsewhere: nothing that the loader reads."""
    made = bytearray(data)
    for at in section_headers(data):
        made[at + 24 : at + 32] = (64).to_bytes(8, "little")
        made[at + 32 : at + 40] = (24).to_bytes(8, "little")
    return bytes(made)


def swapped(data: bytes) -> bytes:
    """Have no section's header be of the kind that it is: all are plain data."""
    made = bytearray(data)
    for at in section_headers(data):
        made[at + 4 : at + 8] = (1).to_bytes(4, "little")
    return bytes(made)


@pytest.mark.parametrize("change", [without_headers, moved, swapped])
def test_section_headers_hide_nothing_that_the_loader_is_told(
    shared_object: Path, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(change(shared_object.read_bytes()))
    right, found = elf.read(shared_object, "x.so"), elf.read(path, "x.so")
    fields = ("machine", "defined", "undefined", "needed", "rpaths", "versions", "policy")
    assert [getattr(found, field) for field in fields] == [getattr(right, field) for field in fields]


@pytest.mark.parametrize(
    "flag", ["--hash-style=sysv", "--hash-style=gnu", "--hash-style=both", "-z,pack-relative-relocs"]
)
def test_every_kind_of_table_is_read(shared_object: Path, tmp_path: Path, flag: str) -> None:
    path = tmp_path / "x.so"
    command: list[str | Path] = [
        "gcc",
        "-shared",
        "-fPIC",
        f"-Wl,{flag}",
        "-o",
        path,
        shared_object.with_name("code.c"),
    ]
    assert process.run(command).ok
    found = elf.read(path, "x.so")
    assert {"near"} <= found.defined
    assert {"far", "puts"} <= found.undefined
    assert found.needed == ("libc.so.6",)


def test_libraries_that_come_by_another_way_are_seen(shared_object: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.so"
    flags = ["-Wl,--audit,libaudit.so", "-Wl,--depaudit,libdepaudit.so", "-Wl,--auxiliary,libaux.so"]
    command: list[str | Path] = ["gcc", "-shared", "-fPIC", *flags, "-o", path, shared_object.with_name("code.c")]
    assert process.run(command).ok
    assert set(elf.read(path, "x.so").needed) == {"libc.so.6", "libaudit.so", "libdepaudit.so", "libaux.so"}


def segment_headers(data: bytes) -> list[int]:
    """Give where the header of each segment that is loaded stands."""
    start, count = int.from_bytes(data[32:40], "little"), int.from_bytes(data[56:58], "little")
    return [at for at in range(start, start + 56 * count, 56) if data[at : at + 4] == (1).to_bytes(4, "little")]


def test_segments_that_overlap_are_refused(shared_object: Path, tmp_path: Path) -> None:
    """Which bytes the loader has at an address then hangs on its pages."""
    path = tmp_path / "x.so"
    data = bytearray(shared_object.read_bytes())
    first, second = segment_headers(bytes(data))[:2]
    data[second + 16 : second + 24] = data[first + 16 : first + 24]
    path.write_bytes(data)
    with pytest.raises(elf.ElfError, match="segments overlap"):
        elf.read(path, "x.so")


@pytest.mark.parametrize("tag", [5, 6, 0x6FFFFEF5, 0x6FFFFFFE])
def test_a_table_that_lies_outside_is_refused(shared_object: Path, tmp_path: Path, tag: int) -> None:
    path = tmp_path / "x.so"
    data = shared_object.read_bytes()
    at = data.index(tag.to_bytes(8, "little"), int.from_bytes(data[segment_headers(data)[-1] + 8 :][:8], "little"))
    path.write_bytes(data[: at + 8] + (1 << 40).to_bytes(8, "little") + data[at + 16 :])
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
