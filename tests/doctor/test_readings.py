from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.data import DATA
from factory.doctor import parse

# As torch 2.6.0 and 2.11.0 have it.
OLD = "__version__ = '2.6.0+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\nhip: Optional[str] = None\n"
NEW = "__version__ = '2.11.0+cu130'\ncuda: str | None = '13.0'\n"
CPU = "__version__ = '2.6.0+cpu'\ncuda: Optional[str] = None\n"
FAIL = "_ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RK"
TRUE = f"{FAIL}NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
FALSE = f"{FAIL}Ss"
HEADER = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 1\n#define CUDNN_PATCHLEVEL 0\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [(OLD, ("2.6.0+cu124", "12.4")), (NEW, ("2.11.0+cu130", "13.0")), (CPU, ("2.6.0+cpu", None)), ("", (None, None))],
)
def test_torch_tells_its_release_and_cuda(text: str, found: tuple[str | None, str | None]) -> None:
    assert parse.torch_version(text) == found


@given(st.text())
def test_no_version_file_is_too_odd(text: str) -> None:
    assert len(parse.torch_version(text)) == 2


def test_the_abi_is_told_by_one_function_alone() -> None:
    assert parse.torch_abi([TRUE, "_ZN3c106Symbol14fromQualStringERKSs"]) is True
    assert parse.torch_abi([FALSE]) is False
    assert parse.torch_abi([TRUE, FALSE]) is None
    assert parse.torch_abi(["main"]) is None


def test_cudnn_by_package_and_by_header() -> None:
    assert parse.cudnn_of({"torch": "2.6.0", "nvidia-cudnn-cu12": "9.1.0.70"}) == "9.1.0.70"
    assert parse.cudnn_of({"nvidia-cudnn-frontend": "1.0"}) is None
    assert parse.cudnn_header(HEADER) == "9.1.0"
    assert parse.cudnn_header(HEADER.replace("MINOR", "MAJOR")) is None


def test_every_lock_file_of_a_torch_pins_a_cudnn() -> None:
    locks = {path.name: parse.cudnn_locked(path.read_text()) for path in DATA.glob("locks/torch-*.txt")}
    assert locks["torch-2.6.0-cu124.txt"] == "9.1.0.70"
    assert all(locks.values())
    assert parse.cudnn_locked("torch==2.6.0\n") is None


def test_an_answer_may_follow_a_greeting() -> None:
    answer = 'hello\n{"python": "3.10", "packages": {"ninja": "1.13"}, "torch": "/t"}'
    assert parse.probed(answer) == ("3.10", {"ninja": "1.13"}, "/t")


@pytest.mark.parametrize("answer", ["", "rubbish", "[]", "{}", '{"python": "3.10", "packages": null}'])
def test_what_is_no_answer_is_refused(answer: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # json's own, or ours
        parse.probed(answer)
