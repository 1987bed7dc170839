"""Fat binaries of a shared object, found where the CUDA runtime finds them, whatever its section headers say."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.system import process
from factory.wheel import elf
from factory.wheel.fatbin import GpuCode
from tests.elfobject import gpu_code

SAMPLES = Path(__file__).parents[1] / "data" / "fatbin"
RIGHT, OTHER = ((SAMPLES / f"{name}.bin").read_bytes() for name in ("cu124_80_90", "cu130_plain"))
IMAGES, OTHERS = {"sm_80", "sm_90"}, {"sm_80", "compute_80"}
GPU_CODE = '.section .nv_fatbin,"a"'


def linked(path: Path, *rows: tuple[str, bytes], flags: tuple[str, ...] = ("-shared",)) -> Path:
    """Link a shared object with the bytes of each row in the section that its directive begins."""
    lines = [f"{section}\n.balign 8\n.byte {','.join(map(str, data))}\n" for section, data in rows]
    path.with_suffix(".s").write_text("".join(lines))
    done = process.run(["gcc", "-nostdlib", *flags, "-o", path, path.with_suffix(".s")])
    assert done.ok, done.stderr
    return path


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return linked(tmp_path / "x.so", (GPU_CODE, RIGHT), (".text", b"\xc3"), (".data", b"data"))


def read(path: Path) -> tuple[list[set[str]], tuple[int, ...]]:
    found = elf.read(path, path.name)
    return [set(map(str, unit.images)) for unit in found.fatbins], found.strays


def places(path: Path, data: bytes) -> tuple[int, ...]:
    """Give where ``data`` stands in the file."""
    content, found = path.read_bytes(), [-1]
    while (at := content.find(data, found[-1] + 1)) >= 0:
        found.append(at)
    return tuple(found[1:])


def test_what_the_section_tells_of_is_loaded(module: Path) -> None:
    assert read(module) == ([IMAGES], ())


def without_headers(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:40] + bytes(8) + data[48:58] + bytes(6) + data[64:])


def renamed(path: Path) -> None:
    assert process.run(["objcopy", "--rename-section", ".nv_fatbin=.rodata.mine", path]).ok


def named_otherwise(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b".nv_fatbin\0", b".nv_fatbim\0"))


@pytest.mark.parametrize("change", [without_headers, renamed, named_otherwise])
def test_a_section_that_is_not_named_so_hides_nothing(module: Path, change: Callable[[Path], None]) -> None:
    change(module)
    assert read(module) == ([IMAGES], places(module, RIGHT))


@pytest.mark.parametrize(
    "section", [".data", ".section .rodata", ".text", '.section .other,"aw"', '.section .nvFatBinSegment,"aw"']
)
@pytest.mark.parametrize("shift", [0, 3])
def test_another_one_anywhere_else_is_found(tmp_path: Path, section: str, shift: int) -> None:
    path = linked(tmp_path / "x.so", (GPU_CODE, RIGHT), (section, b"\1" * shift + OTHER))
    found, strays = read(path)
    assert sorted(map(sorted, found)) == sorted(map(sorted, [IMAGES, OTHERS]))
    assert strays == places(path, OTHER)


def test_a_header_that_leads_elsewhere_shows(module: Path) -> None:
    """The section's header tells of a decoy behind all that is loaded."""
    data = module.read_bytes()
    (at,) = places(module, RIGHT)
    told = struct.pack("<QQ", at, len(RIGHT))
    before, behind = data.rsplit(told, 1)  # its segment's header, which is before, says the same
    module.write_bytes(before + struct.pack("<QQ", len(data), len(OTHER)) + behind + OTHER)
    assert read(module) == ([IMAGES, OTHERS], (at, len(data)))


def test_one_that_is_not_loaded_shows(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.so", ('.section .nv_fatbin,""', RIGHT), (".data", b"data"))
    assert read(path) == ([IMAGES], places(path, RIGHT))


def test_a_section_of_its_own_kind_is_told_of(tmp_path: Path) -> None:
    """What nvcc -rdc writes."""
    path = linked(tmp_path / "x.so", (GPU_CODE, RIGHT), ('.section __nv_relfatbin,"a"', OTHER))
    assert read(path) == ([IMAGES, OTHERS], ())


def test_a_damaged_one_outside_its_section_is_refused(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.so", (GPU_CODE, RIGHT), (".data", OTHER[:4] + b"\2" + OTHER[5:]))
    with pytest.raises(elf.ElfError, match="no valid fat binary header at offset"):
        elf.read(path, "x.so")


def test_something_else_in_the_section_is_refused(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.so", (GPU_CODE, RIGHT + b"other"))
    with pytest.raises(elf.ElfError, match="5 bytes too many"):
        elf.read(path, "x.so")


def two_segments(first: bytes, second: bytes) -> bytes:
    """Give an object whose second segment follows the first in memory but not in the file."""
    page = 4096
    rows = [(page, page), (3 * page, 2 * page)]
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, len(rows), 0, 0, 0)
    head += b"".join(struct.pack("<IIQQQQQQ", 1, 4, at, address, address, page, page, page) for at, address in rows)
    return head.ljust(page, b"\0") + first.rjust(page, b"\0") + bytes(page) + second.ljust(page, b"\0")


@pytest.mark.parametrize("cut", range(1, 8))
def test_one_that_lies_across_two_segments_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "x.so"
    path.write_bytes(two_segments(RIGHT[:cut], RIGHT[cut:]))
    with pytest.raises(elf.ElfError, match="begins in one segment and goes on in the next"):
        elf.read(path, "x.so")
    path.write_bytes(two_segments(b"", RIGHT))
    assert read(path) == ([IMAGES], (3 * 4096,))


def test_what_goes_on_behind_its_segment_shows(tmp_path: Path) -> None:
    """In memory something else follows."""
    path = tmp_path / "x.so"
    path.write_bytes(two_segments(RIGHT[:512], b"").replace(RIGHT[:512] + bytes(len(RIGHT) - 512), RIGHT))
    assert read(path) == ([IMAGES], places(path, RIGHT))


def test_all_but_one_form_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.so", (GPU_CODE, RIGHT), (".data", RIGHT))
    (keep,) = (image for unit in elf.read(path, "x").fatbins[:1] for image in unit.images if str(image) == "sm_90")
    elf.hide_all_but(keep, path)
    assert {str(image) for unit in elf.read(path, "x").fatbins for image in unit.images} == {"sm_90", "sm_999"}
    with pytest.raises(elf.ElfError, match="there is no GPU code in"):
        elf.hide_all_but(GpuCode("real", keep.arch), linked(tmp_path / "y.so", (".data", b"data")))


def test_gpu_code_of_an_object_file_is_read(tmp_path: Path) -> None:
    path = linked(tmp_path / "x.o", (GPU_CODE, RIGHT), flags=("-r",))
    assert gpu_code(path) == RIGHT
    assert read(path)[0] == [IMAGES]
