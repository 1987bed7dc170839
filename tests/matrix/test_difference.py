from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.matrix import cells
from factory.matrix.arch import Arch
from factory.matrix.difference import Difference, Facts, Side, difference, facts, headline, lines
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, State
from tests.frozen import MATRIX

TEXT = MATRIX.read_text(encoding="utf-8")
EVERY = cells.expand(load_matrix(TEXT))
NONE = Side(planned=(), facts={})

ROWS = st.lists(
    st.builds(
        lambda row, state, archs, profile: Planned(
            cell=replace(row.cell, archs=archs, profile=profile), state=state, reason="because"
        ),
        st.sampled_from(EVERY),
        st.sampled_from(State),
        st.sampled_from([(Arch(8, 0),), (Arch(8, 0), Arch(9, 0))]),
        st.sampled_from(["full", "smoke"]),
    ),
    unique_by=lambda row: row.cell.id,
    max_size=12,
)
FACTS = st.dictionaries(
    st.tuples(st.sampled_from(["torch", "cuda", "max_jobs"]), st.sampled_from(["2.6", "12.4"]), st.sampled_from("ab")),
    st.sampled_from("xyz"),
)
SIDES = st.builds(lambda rows, values: Side(planned=tuple(rows), facts=values), ROWS, FACTS)


def of(text: str) -> Side:
    return Side(planned=cells.expand(load_matrix(text)), facts=facts(text))


def changed(pattern: str, by: str) -> Difference:
    """Compare the repository's matrix with itself after one replacement."""
    text, count = re.subn(pattern, by, TEXT, flags=re.MULTILINE)
    assert count == 1
    return difference(of(TEXT), of(text))


def told(side: Side) -> dict[str, tuple[object, ...]]:
    return {row.cell.id: (row.state, row.cell.archs, row.cell.profile) for row in side.planned}


def applied(found: Difference, before: Side) -> dict[str, tuple[object, ...]]:
    made = told(before)
    for change in found.cells:
        made.pop(change.cell.id, None)
        if change.after is not None:
            made |= told(Side(planned=(change.after,), facts={}))
    return made


@given(SIDES)
def test_there_is_no_difference_from_itself(side: Side) -> None:
    found = difference(side, side)
    assert (found.cells, found.facts, found.groups) == ((), (), ())
    assert lines(found) == ["nothing changes: the same cells, the same facts"]


@given(SIDES, SIDES)
def test_one_side_and_the_difference_give_the_other_side(before: Side, after: Side) -> None:
    found = difference(before, after)
    assert applied(found, before) == told(after)
    assert {change.cell.id for change in found.cells} <= told(before).keys() | told(after).keys()


@given(SIDES, SIDES)
def test_backwards_it_is_the_same_turned_round(before: Side, after: Side) -> None:
    there, back = difference(before, after), difference(after, before)
    assert {(one.before, one.after) for one in there.cells} == {(one.after, one.before) for one in back.cells}
    assert {(one.path, one.before, one.after) for one in there.facts} == {
        (one.path, one.after, one.before) for one in back.facts
    }
    assert (there.built_before, there.built_after) == (back.built_after, back.built_before)


@given(SIDES, SIDES)
def test_every_cell_that_changes_is_in_one_group_of_one_torch_and_cuda(before: Side, after: Side) -> None:
    found = difference(before, after)
    grouped = [cell for group in found.groups for cell in group.cells]
    assert sorted(cell.id for cell in grouped) == sorted(change.cell.id for change in found.cells)
    for group in found.groups:
        assert len({(cell.torch, cell.cuda) for cell in group.cells}) == 1
    matters = [group.matters for group in found.groups]
    assert matters == sorted(matters, reverse=True)


def test_other_architectures_are_a_line_for_each_torch_and_cuda_not_for_each_cell() -> None:
    found = changed("^archs: default", "archs: [8.6, 8.9]")
    assert len(found.cells) == len(EVERY)
    assert str(found.groups[0]) == (
        "cu124 torch2.4 cp39 cp310 cp311 cp312 abiFALSE fa2.7.4.post1 x86_64: 4 cells: "
        "build, architectures 8.0 9.0 → 8.6 8.9"
    )
    assert len([group for group in found.groups if group.matters]) == 19
    assert found.facts == ()


def test_a_choice_that_is_dropped_changes_the_state_of_its_cells() -> None:
    found = changed(r"\{12\.4: false, 12\.6: true\}", "{12.4: false}")
    (line,) = map(str, found.groups)
    assert line == (
        "cu126 torch2.6 cp39 cp310 cp311 cp312 cp313 abiTRUE fa2.7.4.post1 x86_64: 5 cells: "
        "build → on request: CUDA 12.6 does not stand in wheels.2.6.cuda"
    )
    assert (found.built_before, found.built_after) == (93, 88)


def test_cells_come_and_go_with_the_facts_they_rest_on() -> None:
    found = changed(r"2\.12, 2\.13\]$", "2.12]")
    assert {(change.cell.torch, change.cell.flash_attn) for change in found.cells} == {("2.13", "2.7.4.post1")}
    assert {str(change).partition(":")[0] for change in found.cells} == {"gone, on request", "gone, skipped"}
    assert found.built_before == found.built_after
    assert [fact.path for fact in found.facts] == [("flash_attn", "2.7.4.post1", "torch")]


def test_everything_is_new_against_nothing() -> None:
    there = difference(of(TEXT), NONE)
    assert {str(change) for change in there.cells if change.matters} == {"gone, build"}
    assert headline(there).startswith(f"0 cells are new, {len(EVERY)} are gone, 0 are planned in another way; 93 ")
    assert headline(difference(NONE, of(TEXT))).startswith(f"{len(EVERY)} cells are new, 0 are gone")


def test_a_fact_alone_is_told_as_such_with_the_wheels_that_rest_on_it() -> None:
    found = changed(r"release: 2\.6\.0$", "release: 2.6.9")
    assert lines(found) == [
        "only facts change: no cell comes, goes or is planned in another way (93 wheels to build before, 93 now)",
        "fact: torch.2.6.release: 2.6.0 → 2.6.9 (wheels to build that rest on it: 10)",
    ]


def test_a_fact_of_no_version_rests_on_nothing() -> None:
    found = changed("^max_jobs: 32", "max_jobs: 8")
    assert [str(fact) for fact in found.facts] == ["max_jobs: 32 → 8"]


def test_long_values_that_differ_at_their_end_differ() -> None:
    one, other = (Side(planned=(), facts={("skip", "0", "reason"): "x" * 500 + end}) for end in "ab")
    (fact,) = difference(one, other).facts
    assert len(str(fact)) < 300


def test_a_row_that_is_new_as_a_whole_is_one_line() -> None:
    new: Facts = {("torch", "2.6", "release"): "2.6.0", ("torch", "2.6", "builds", "12.4", "abi"): "false"}
    old: Facts = {("torch", "2.5", "release"): "2.5.1"}
    found = difference(Side(planned=(), facts=old), Side(planned=(), facts={**new, **old}))
    assert [str(fact) for fact in found.facts] == [
        "torch.2.6: nothing → a row of its own (wheels to build that rest on it: 0)"
    ]


@pytest.mark.parametrize("text", ["", "- a", "x", "wheels: {2.6: 1}\narchs: default\n"])
def test_where_there_are_no_facts_none_are_found(text: str) -> None:
    assert facts(text) == {}


def test_facts_are_named_as_in_the_file() -> None:
    found = facts(TEXT)
    assert found["flash_attn", "2.8.3.post2", "leave_out"] == "[flash_attn/cute]"
    assert found["skip", "1", "flash_attn"] == "2.7.4.post1"
    assert ("max_jobs",) in found
    assert not any(path[0] in {"wheels", "archs"} for path in found)
