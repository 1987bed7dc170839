import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from factory.reproduce.compare import first_difference, wheel_differences
from factory.system import process

FILES = {"flash_attn/__init__.py": b"one = 1\n", "a.dist-info/RECORD": b"..."}
DATE = (2020, 1, 1, 0, 0, 0)


def wheel(path: Path, files: Mapping[str, bytes], date: tuple[int, int, int, int, int, int] = DATE) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date), content)
    return path


def extension(path: Path, text: str) -> bytes:
    source = path.with_suffix(".cpp")
    source.write_text(text)
    assert process.run(["g++", "-shared", "-fPIC", "-g0", "-Wl,--build-id=none", source, "-o", path]).ok
    return path.read_bytes()


def told(tmp_path: Path, files: Mapping[str, bytes], *, date: tuple[int, int, int, int, int, int] = DATE) -> list[str]:
    return list(wheel_differences(wheel(tmp_path / "one", FILES), wheel(tmp_path / "other", files, date)))


def test_the_same_bytes_differ_in_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, FILES) == []


def test_the_member_and_its_first_byte_are_named(tmp_path: Path) -> None:
    (line,) = told(tmp_path, FILES | {"flash_attn/__init__.py": b"one = 2\n"})
    assert line == "flash_attn/__init__.py differs from byte 6 on"


def test_members_that_one_alone_has_and_another_order_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, dict(reversed(FILES.items())) | {"b": b""}) == [
        "b is only in the wheel made again",
        "the members are in another order",
    ]


def test_packing_alone_is_told(tmp_path: Path) -> None:
    (line,) = told(tmp_path, FILES, date=(2021, 1, 1, 0, 0, 0))
    assert line.startswith("the members are the same, but not how they are packed")


@pytest.mark.parametrize(
    ("text", "section"),
    [("int f() { return 2; }", ".text (host code)"), ('const char* f() { return "/b"; }', ".rodata (constants")],
)
def test_the_section_of_an_extension_is_named(tmp_path: Path, text: str, section: str) -> None:
    before = text.replace("2", "1").replace("/b", "/a")
    one, other = (extension(tmp_path / f"{name}.so", code) for name, code in (("x", before), ("y", text)))
    made = wheel(tmp_path / "one", {"x.so": one})
    (line,) = wheel_differences(made, wheel(tmp_path / "other", {"x.so": other}))
    assert f", in section {section}" in line


def test_the_shorter_file_differs_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"ab")
    (tmp_path / "other").write_bytes(b"abc")
    assert first_difference(tmp_path / "one", tmp_path / "other") == 2
