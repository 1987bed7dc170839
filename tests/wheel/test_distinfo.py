from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.wheel import distinfo
from factory.wheel.facts import RecordRow

DIRECTORY = "flash_attn-2.7.4.post1.dist-info"


def test_reads_the_three_texts() -> None:
    texts = {
        "METADATA": b"Metadata-Version: 2.1\nName: flash_attn\nVersion: 2.7.4.post1\nRequires-Python: >=3.9\n\nText",
        "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310.cp311-cp310-linux_x86_64\n",
        "RECORD": b'"a,b.py",sha256=x,1\nRECORD,,\n',
    }
    info, problems = distinfo.parse(DIRECTORY, texts)
    assert problems == ()
    assert (info.name, info.version, info.requires_python) == ("flash_attn", "2.7.4.post1", ">=3.9")
    assert info.root_is_purelib == "false"
    assert info.tags == ("cp310-cp310-linux_x86_64", "cp311-cp310-linux_x86_64")
    assert info.record == (
        RecordRow(path="a,b.py", digest="sha256=x", size="1"),
        RecordRow(path="RECORD", digest="", size=""),
    )


def test_names_every_text_that_is_missing() -> None:
    info, problems = distinfo.parse(DIRECTORY, {})
    assert problems == tuple(f"{DIRECTORY}/{name} is missing" for name in ("METADATA", "WHEEL", "RECORD"))
    assert info.record is None


def test_a_record_of_another_shape_is_a_problem() -> None:
    texts = {"METADATA": b"Name: x\nVersion: 1", "WHEEL": b"Root-Is-Purelib: false\nTag: a-b-c", "RECORD": b"one,two\n"}
    info, problems = distinfo.parse(DIRECTORY, texts)
    assert info.record is None
    assert "three fields a line" in problems[0]


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional={name: st.binary() for name in distinfo.TEXTS}))
def test_any_bytes_are_read(texts: dict[str, bytes]) -> None:
    info, _ = distinfo.parse(DIRECTORY, texts)
    assert info.directory == DIRECTORY
