"""The g++ that is fetched, as its data says it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from factory.data import DATA
from factory.kernels import compilerpin

TEXT = (DATA / "hostcompiler.yaml").read_text(encoding="utf-8")
PIN = compilerpin.parse(TEXT)


def test_the_shipped_one() -> None:
    assert (PIN.major, PIN.release, PIN.glibc) == (13, "13.3.0", "2.38")
    assert PIN.size == sum(package.size for package in PIN.packages) > 40_000_000
    assert {package.source for package in PIN.packages} == {"debian"}
    assert f"-{PIN.major}" in PIN.program


def test_what_decides_its_content_decides_its_directory() -> None:
    assert PIN.directory.startswith("gcc-13.3.0-")
    assert compilerpin.parse(TEXT.replace("Debian's g++", "A g++")).directory == PIN.directory
    other = TEXT.replace(PIN.packages[0].sha256, "0" * 64)
    assert compilerpin.parse(other).directory != PIN.directory


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("release: 13.3.0", "release: '13'"),
        ('glibc: "2.38"', "glibc: new"),
        ("program: usr", "program: /usr"),
        ("title:", "name:"),
        ("363a854c", "363a854"),
    ],
)
def test_data_that_is_not_as_it_should_be_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValidationError):
        compilerpin.parse(TEXT.replace(old, new, 1))
