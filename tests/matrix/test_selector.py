from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import CellError, SelectorError
from factory.matrix import selector
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, State
from tests.frozen import MATRIX

REAL = load_matrix(MATRIX.read_text())
PLANNED = expand(REAL)
BUILDABLE = [row for row in PLANNED if row.state is not State.SKIPPED]
TOKENS = sorted({token for row in PLANNED for token in row.cell.id.split()})


def ids(words: str) -> list[str]:
    chosen = selector.select(PLANNED, selector.parse(words.split(), REAL))
    return [row.cell.id for row in chosen]


@pytest.mark.parametrize(
    "words",
    [
        "cu124 torch2.6 cp310",
        "CP310 Torch2.6 CU124",
        "cu124 torch2.6.0 cp310 abiFALSE",
        "cu124 cu124 torch2.6 cp310 abifalse fa2.7.4.post1 x86_64",
    ],
)
def test_the_guides_cell(words: str) -> None:
    assert ids(words) == ["cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("cu126 torch2.8 cp310", ["cu126 torch2.8 cp310 abiTRUE fa2.8.3.post2 x86_64"]),
        ("cu124 torch2.6 cp310 fa2.8.3.post2", ["cu124 torch2.6 cp310 abiFALSE fa2.8.3.post2 x86_64"]),
        (
            "cu126 cu128 torch2.8 cp310",
            [
                "cu126 torch2.8 cp310 abiTRUE fa2.8.3.post2 x86_64",
                "cu128 torch2.8 cp310 abiTRUE fa2.8.3.post2 x86_64",
            ],
        ),
        (
            "torch2.6 cp310",
            [
                "cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64",
                "cu126 torch2.6 cp310 abiTRUE fa2.7.4.post1 x86_64",
            ],
        ),
    ],
)
def test_what_is_built_by_default_comes_before_what_is_built_on_request(words: str, found: list[str]) -> None:
    assert ids(words) == found


def test_no_token_means_all_that_is_built() -> None:
    assert ids("") == [row.cell.id for row in PLANNED if row.state is State.BUILD]


def test_several_tokens_of_an_axis_mean_any_of_them() -> None:
    assert len(ids("cu124 torch2.5 torch2.6 cp39 cp310 cp311 cp312 cp313")) == 10


@given(st.sampled_from(BUILDABLE), st.randoms(use_true_random=False))
def test_an_id_selects_its_cell_in_any_order_and_case(row: Planned, random: Random) -> None:
    tokens = [random.choice([str.lower, str.upper])(token) for token in row.cell.id.split()]
    random.shuffle(tokens)
    [found] = selector.select(PLANNED, selector.parse(tokens, REAL))
    assert found == row


@given(st.lists(st.sampled_from(TOKENS), max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_selection_holds_every_token_or_says_why_not(tokens: list[str]) -> None:
    chosen = selector.parse(tokens, REAL)
    try:
        found = selector.select(PLANNED, chosen)
    except (SelectorError, CellError) as error:
        assert error.why  # noqa: PT017 - either outcome is right, each has its own check
        return
    assert found
    assert set(tokens) <= {token for row in found for token in row.cell.id.split()}
    assert State.SKIPPED not in {row.state for row in found}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cu130 torch2.6", "torch2.6 was published for cu124, cu126; not cu130"),
        ("cu124 torch2.6 cp314", "torch2.6 was published for cp39, cp310, cp311, cp312, cp313; not cp314"),
        ("torch2.7 abiFALSE", "torch2.7 was published for abiTRUE; not abiFALSE"),
        ("cu124 abiTRUE", "cu124 goes with abiFALSE; not abiTRUE"),
        ("cp39 cu130", "cu130 goes with cp310, cp311, cp312, cp313, cp314, cp314t; not cp39"),
        ("cu124 cu130 torch2.6", "torch2.6 was published for cu124, cu126; not cu130"),
        ("cu126 torch2.6 abiFALSE", "cu126 goes with abiTRUE; not abiFALSE"),
        ("cu128 torch2.10 cp312 aarch64", "torch2.10 is known here for x86_64; not aarch64"),
        ("fa2.7.4.post1 torch2.15", "fa2.7.4.post1 can be built for torch2.4, torch2.5, torch2.6, torch2.7, "),
    ],
)
def test_tokens_that_do_not_go_together_are_told_apart(words: str, said: str) -> None:
    with pytest.raises(SelectorError) as caught:
        ids(words)
    [line] = caught.value.why
    assert line.startswith(said)
    assert said in selector.why([words], REAL) or "cu124 cu130" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cu125", "cu125: no such CUDA (did you mean cu124?)"),
        ("cu118", "cu118: not served: torch has no builds for CUDA 11.8 since 2.8"),
        ("cu124 rocm", "rocm: not served: "),
        ("torch2.61", "torch2.61: no such torch (did you mean torch2.6?)"),
        ("py310", "py310: no such token (did you mean cp310?)"),
        ("abiTRUEE", "abitruee: no such ABI (did you mean abiTRUE?)"),
        ("torch2.16", "torch: torch2.4 torch2.5 torch2.6 torch2.7 torch2.8 torch2.9 torch2.10 torch2.11 torch2.12 "),
        ("cu124 cp27", "Python: cp39 cp310 cp311 cp312 cp313 cp314"),
    ],
)
def test_an_unknown_token_is_answered_with_what_there_is(words: str, said: str) -> None:
    with pytest.raises(SelectorError) as caught:
        ids(words)
    assert any(line.startswith(said) for line in caught.value.why), caught.value.why


@pytest.mark.parametrize(
    "words", ["fa2.7.4.post1 cu130 torch2.9 cp312", "fa2.7.4.post1 cu130 torch2.9 torch2.10 cp312"]
)
def test_what_is_only_skipped_is_refused_with_its_reason(words: str) -> None:
    with pytest.raises(CellError) as caught:
        ids(words)
    assert caught.value.why[:2] == (
        "skipped: the CUTLASS inside flash-attn 2.7.4.post1 is older than CUDA 13; unverified",
        "  cu130 torch2.9 cp312 abiTRUE fa2.7.4.post1 x86_64",
    )


def test_why_answers_for_every_matching_cell() -> None:
    assert selector.why(["cu124", "torch2.6", "cp310"], REAL).splitlines() == [
        "build: chosen by wheels.2.6",
        "  cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64",
        "on request: flash-attn 2.8.3.post2 is not the default for torch 2.6; 2.7.4.post1 is",
        "  cu124 torch2.6 cp310 abiFALSE fa2.8.3.post2 x86_64",
    ]


@pytest.mark.parametrize("words", ["torch2.10 aarch64", "cu126 torch2.11 aarch64"])
def test_a_machine_s_torch_that_was_not_checked_is_not_said_to_be_unpublished(words: str) -> None:
    assert selector.why([words], REAL).splitlines()[1:] == [REAL.machine_notes["aarch64"]]
    assert "published" not in selector.why([words], REAL)


def test_why_refuses_unknown_tokens() -> None:
    with pytest.raises(SelectorError, match="cu999"):
        selector.why(["cu999"], REAL)


def test_a_machine_that_is_not_named_is_one_that_wheels_are_built_for_by_default() -> None:
    refused = "  - platform: aarch64\n    reason: this factory cannot link the host code of wheels for aarch64 yet\n"
    served = load_matrix(MATRIX.read_text().replace(refused, ""))
    rows = expand(served)
    for words, machines in (
        ("cu130 torch2.11 cp311", ["x86_64"]),
        ("cu130 torch2.11 cp311 aarch64", ["aarch64"]),
        ("cu130 torch2.11 cp311 x86_64 aarch64", ["x86_64", "aarch64"]),
    ):
        found = selector.select(rows, selector.parse(words.split(), served))
        assert [row.cell.machine for row in found] == machines
    assert {row.state for row in rows if row.cell.machine == "aarch64"} == {State.ON_REQUEST, State.SKIPPED}
    with pytest.raises(SelectorError, match="there is no such cell") as caught:
        selector.select(rows, selector.parse(["cu124", "aarch64"], served))
    assert caught.value.why == ("aarch64 goes with cu130, cu132; not cu124",)


def test_a_free_threaded_python_is_named_and_comes_with_a_caution() -> None:
    assert ids("cu130 torch2.11 cp314t") == ["cu130 torch2.11 cp314t abiTRUE fa2.8.3.post2 x86_64"]
    assert "Python turns it on again and warns" in selector.why(["cu132", "cp315t", "x86_64"], REAL)
    assert ids("cu132 torch2.15 cp315") == ["cu132 torch2.15 cp315 abiTRUE fa2.8.3.post2 x86_64"]


@pytest.mark.parametrize("word", ["cu118", "cu121", "cp313t", "win_amd64"])
def test_what_is_left_out_is_told_why_and_not_what_else_was_meant(word: str) -> None:
    with pytest.raises(SelectorError) as caught:
        selector.why([word, "torch2.7"], REAL)
    assert caught.value.why[0].startswith(f"{word}: not served: ")
    assert "did you mean" not in caught.value.why[0]


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("cu130 torch2.11 cp312 cxx11abiTRUE", "cu130 torch2.11 cp312 abiTRUE"),
        ("cu126 torch2.8.0+cu126 cp313", "cu126 torch2.8 cp313"),
        ("torch2.6.0+cu124.with.pypi.cudnn cp310", "cu124 torch2.6 cp310"),
        ("torch==2.6.0 cu12.4", "torch2.6 cu124"),
    ],
)
def test_what_torch_and_wheels_names_say_of_themselves_is_read(typed: str, usual: str) -> None:
    assert selector.parse(typed.split(), REAL) == selector.parse(usual.split(), REAL)


def test_a_machine_that_nothing_is_linked_for_is_told_so() -> None:
    assert "cannot link the host code of wheels for aarch64" in selector.why(["cu130", "torch2.11", "aarch64"], REAL)
