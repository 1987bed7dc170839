from __future__ import annotations

from dataclasses import replace

import pytest

from factory.index.published import Published
from factory.matrix import cells, selector
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, State
from factory.matrix.wheelname import wheel_filename
from factory.plan.remaining import less_published
from tests.frozen import MATRIX
from tests.samplewheels import GUIDE, named, wheel

RULES = load_matrix(MATRIX.read_text(encoding="utf-8"))
EVERY = cells.expand(RULES)


def of(words: str, profile: str = "full") -> Planned:
    (row,) = selector.select(cells.expand(RULES, profile), selector.parse(words.split(), RULES))
    return row


def test_a_published_cell_says_where_and_since_when_and_the_others_stay_as_they_are() -> None:
    left = less_published(EVERY, [wheel(uploaded="2026-11-21T23:59:59Z")])
    (published,) = (row for row in left if row.state is State.PUBLISHED)
    assert wheel_filename(published.cell) == GUIDE
    assert published.cell.cuda == "12.4"
    assert published.reason == "is in release v2.7.4.post1 since 2026-11-21"
    assert [row for row in left if row is not published] == [row for row in EVERY if row.cell != published.cell]


def test_when_all_is_published_nothing_is_left_to_build() -> None:
    chosen = [row for row in EVERY if row.state is State.BUILD]
    left = less_published(EVERY, [named(wheel_filename(row.cell)) for row in chosen])
    assert chosen
    assert not [row for row in left if row.state is State.BUILD]
    assert [row.cell for row in left] == [row.cell for row in EVERY]


@pytest.mark.parametrize(
    "other",
    [wheel(abi=True), wheel(python="3.11"), wheel(torch="2.5"), wheel(version="2.8.3"), wheel(profile="smoke")],
)
def test_another_wheel_is_not_taken_for_it(other: Published) -> None:
    row = of("cu124 torch2.6 cp310")
    assert less_published([row], [other]) == (row,)


def test_a_profile_has_wheels_of_its_own() -> None:
    (row,) = less_published([of("cu124 torch2.6 cp310", "smoke")], [wheel(profile="smoke")])
    assert row.state is State.PUBLISHED


def test_a_name_that_a_wheel_of_another_cuda_has_is_taken() -> None:
    (row,) = less_published([of("cu124 torch2.6 cp310")], [wheel(cuda="12.6")])
    assert row.state is State.PUBLISHED
    assert row.reason.endswith(", made with CUDA 12.6")


def test_what_was_never_to_be_published_is_not() -> None:
    request = next(row for row in EVERY if row.state is State.ON_REQUEST and "name is taken" in row.reason)
    skipped = next(row for row in EVERY if row.state is State.SKIPPED)
    rival = named(wheel_filename(request.cell), cuda="12.0")
    there = [rival, named(wheel_filename(skipped.cell), cuda=skipped.cell.cuda)]
    assert less_published([request, skipped], there) == (request, skipped)
    (asked,) = less_published([request], [replace(rival, cuda=request.cell.cuda)])
    assert asked.state is State.PUBLISHED


def test_a_withdrawn_wheel_still_has_its_name() -> None:
    (row,) = less_published([of("cu124 torch2.6 cp310")], [wheel(yanked="wrong numbers")])
    assert row.reason.endswith(", withdrawn: wrong numbers")
