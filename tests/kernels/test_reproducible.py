from pathlib import Path

from factory.kernels.reproducible import path_flags, unit_flags
from factory.system import process
from tests.elfobject import symbols


def test_every_unit_has_a_name_of_its_own_and_no_other_word_of_a_machine() -> None:
    one, other = unit_flags("csrc/a.cu"), unit_flags("other/a.cu")
    assert [pair for pair in zip(one, other, strict=True) if pair[0] == pair[1]] == [
        (word, word) for word in ("-include", one[1], "-D", "-Xcudafe")
    ]
    assert one[-1] == "--orig_src_path_name=csrc/a.cu"


def test_the_forced_header_gives_one_hidden_symbol(tmp_path: Path) -> None:
    source = tmp_path / "a.cpp"
    source.write_text("")
    include, header, define, name = unit_flags("a.cu")[:4]
    made = tmp_path / "a.o"
    assert process.run(["g++", include, header, define, name, "-c", source, "-o", made]).ok
    unit = name.removeprefix("FACTORY_UNIT=")
    assert [symbol for symbol in symbols(made) if symbol[0] == unit] == [(unit, "STB_GLOBAL", "STT_FUNC")]


def test_a_path_is_quoted_for_the_compiler_behind_nvcc() -> None:
    assert path_flags({Path("/a b,c"): "cuda"}) == ("-Xcompiler", '"-ffile-prefix-map=/a b\\,c=cuda"')
