from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from factory.index import lastrun, statuspage
from factory.index.lastrun import LastRun
from factory.index.served import SITE
from factory.index.status import MISSING, Known, Standing, Status, status
from factory.matrix import cells
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Planned, State
from factory.matrix.unserved import unserved
from factory.matrix.wheelname import wheel_filename
from factory.plan import workflow
from factory.plan.remaining import less_published
from factory.plan.workflow import Runner
from tests import schemas
from tests.frozen import MATRIX
from tests.samplewheels import named

RULES = load_matrix(MATRIX.read_bytes())
EVERY = cells.expand(RULES)
CHOSEN = [row for row in EVERY if row.state is State.BUILD]
TEMPLATE = (SITE / "status.html").read_text(encoding="utf-8")
URL = "https://github.com/owner/repo/actions/runs/7"
WRITTEN = "2026-11-29T12:34:56Z"
RUNNER = Runner(cores=4, memory=16_000_000_000, matrix=256, shard_seconds=9000)


def run(*asked: Planned, profile: str = "full", runner: Runner = RUNNER, wheel: str = "failure") -> LastRun:
    """Give the run that was to build these, read from what its plan gave."""
    of_profile = [replace(row.cell, profile=profile) for row in asked]
    outputs = workflow.outputs(of_profile, dict.fromkeys(labels(), 0.0), RULES, runner)
    needs = {
        "plan": {"result": "success", "outputs": outputs},
        "wheel": {"result": wheel, "outputs": {"artifact": ""}},
        "publish": {"result": "skipped", "outputs": {}},
    }
    return lastrun.read(URL, json.dumps(needs))


def labels() -> list[str]:
    return [need_of(replace(row.cell, profile=profile), RULES).label for row in EVERY for profile in RULES.profiles]


def of(planned: tuple[Planned, ...] = EVERY, *left_out: str, last: LastRun | None = None) -> Status:
    return status(planned, RULES, unserved(), Known(left_out=left_out, run=last, written=WRITTEN))


def by_name(found: Status) -> dict[str, tuple[Standing, str]]:
    return {cell.wheel: (cell.state, cell.reason) for cell in found.cells}


def test_every_cell_of_the_matrix_stands_somewhere_with_its_reason() -> None:
    found = of()
    assert [cell.id for cell in found.cells] == [row.cell.id for row in EVERY]
    assert all(cell.reason for cell in found.cells)
    assert len(found.having(Standing.PENDING)) == len(found.having(*MISSING)) == len(CHOSEN)
    assert {cell.reason for cell in found.having(Standing.SKIPPED)} == {
        row.reason for row in EVERY if row.state is State.SKIPPED
    }


def test_what_the_last_run_was_to_build_and_no_release_has_has_failed() -> None:
    first, second, third, *_ = CHOSEN
    planned = less_published(EVERY, [named(wheel_filename(second.cell))])
    found = by_name(of(planned, last=run(first, second)))
    assert found[wheel_filename(first.cell)] == (
        Standing.FAILED,
        "the last run was to build it, and no release has it",
    )
    assert found[wheel_filename(second.cell)][0] is Standing.PUBLISHED
    state, reason = found[wheel_filename(third.cell)]
    assert state is Standing.PENDING
    assert reason == "no release has it, and the last run was not to build it"


def test_a_run_of_another_profile_or_architecture_says_nothing_of_these_wheels() -> None:
    assert not of(last=run(*CHOSEN[:3], profile="smoke")).having(Standing.FAILED)
    assert of(last=run(*CHOSEN[:3])).having(Standing.FAILED)


def test_a_run_that_had_too_many_for_a_job_each_was_to_build_the_same() -> None:
    alone = of(last=run(*CHOSEN)).having(Standing.FAILED)
    together = of(last=run(*CHOSEN, runner=replace(RUNNER, matrix=30))).having(Standing.FAILED)
    assert len(alone) == len(CHOSEN)
    assert together == alone


def test_a_cell_that_was_asked_for_by_name_and_is_not_there_has_failed_too() -> None:
    asked = next(row for row in EVERY if row.state is State.ON_REQUEST)
    (one,) = of(last=run(asked)).having(Standing.FAILED)
    assert one.wheel == wheel_filename(asked.cell)


def test_a_wheel_that_the_index_leaves_out_says_why() -> None:
    name = wheel_filename(CHOSEN[0].cell)
    found = of(EVERY, f"{name}: its report: it is broken", last=run(CHOSEN[0]))
    (one,) = found.having(Standing.LEFT_OUT)
    assert one.wheel == name
    assert one.reason == "it is in a release, and the index leaves it out: its report: it is broken"


def test_programs_read_what_people_do() -> None:
    found = of(last=run(CHOSEN[0]))
    told = json.loads(found.to_json())
    schemas.check("status", told)
    assert told["schema"] == 1
    assert told["written"] == WRITTEN
    assert told["run"]["url"] == URL
    assert told["run"]["jobs"][1] == {"name": "wheel", "result": "failure"}
    assert told["unserved"] == unserved()
    assert [cell["state"] for cell in told["cells"]] == [cell.state.value for cell in found.cells]
    assert json.loads(of().to_json())["run"] is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"plan": {}}',
        '{"plan": {"result": "fine", "outputs": {}}}',
        '{"plan": {"result": "success", "outputs": {"wheels": "x"}}}',
        '{"plan": {"result": "success", "outputs": {"wheels": "[{}]"}}}',
    ],
)
def test_what_is_not_githubs_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # pydantic's own
        lastrun.read(URL, text)


def page(found: Status) -> str:
    return statuspage.page(found, TEMPLATE)


def rows(text: str, heading: str) -> list[str]:
    part = text.partition(f">{heading}</h2>")[2].partition("<h2")[0]
    return re.findall(r"<tr>(<th scope=\"row\".*)", part)


def test_the_page_groups_pythons_and_says_how_many_are_missing() -> None:
    first = CHOSEN[0]
    kin = [row for row in CHOSEN if replace(row.cell, python="") == replace(first.cell, python="")]
    planned = less_published(EVERY, [named(wheel_filename(row.cell)) for row in CHOSEN if row not in kin])
    text = page(of(planned, last=run(*kin[:-1])))
    assert f"{len(CHOSEN) - len(kin)} wheels of matrix.yaml are published, {len(kin)} wheels that it wants are" in text
    failed, pending = rows(text, "Missing")
    assert "<td>cp39 cp310 cp311<td>failed<td>the last run was to build it" in failed
    assert "<td>cp312<td>not built yet<td>no release has it, and" in pending
    assert f'<a href="{URL}">' in text
    assert rows(text, "Last run")[1] == '<th scope="row">wheel<td>failure'
    assert '<time datetime="2026-11-29T12:34:56Z">2026-11-29 12:34 UTC</time>' in text
    assert any("cu118" in row for row in rows(text, "Not served at all"))


def test_where_all_is_published_and_no_workflow_ran_the_page_says_so() -> None:
    planned = less_published(EVERY, [named(wheel_filename(row.cell)) for row in CHOSEN])
    text = page(of(planned))
    assert "Nothing that matrix.yaml wants is missing." in text
    assert "Last run" not in text


def test_what_others_wrote_is_text_on_the_page() -> None:
    name = wheel_filename(CHOSEN[0].cell)
    last = replace(run(CHOSEN[0]), url='https://x/"><script>', jobs={"<b>": "success"})
    text = page(of(EVERY, f"{name}: <script>alert(1)</script>", last=last))
    assert "<script" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;alert(1)" in text
