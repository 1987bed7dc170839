"""The real workflows: the plan job is run as GitHub would, and all jobs behind it must fit to what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.frozen import MATRIX
from tests.githubstore import REPOSITORY
from tests.rehearsal import fork
from tests.rehearsal.actions.all import ACTIONS
from tests.rehearsal.caches import Caches
from tests.rehearsal.forge import forge
from tests.rehearsal.jobs import Jobs
from tests.rehearsal.language import Language, language
from tests.rehearsal.run import Event, Forge, Run, Source
from tests.rehearsal.wiring import look
from tests.rehearsal.workflow import Workflow

ROOT = Path(__file__).parents[1]
FROZEN = {"matrix.yaml": MATRIX.read_text()}
FACTORY = ".github/workflows/factory.yml"
# Those that are only called are looked at where they are called.
WORKFLOWS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
    if "workflow_call" not in path.read_text()
)
NOWHERE = Forge(api="http://127.0.0.1", server="http://127.0.0.1", token=str, pages="", publish=lambda _: None)


@pytest.fixture(scope="module")
def spoken() -> Iterator[Language]:
    with language() as made:
        yield made


def a_run(here: Path, spoken: Language, source: Source, github: Forge = NOWHERE) -> Run:
    (here / "work").mkdir()
    return Run(
        language=spoken,
        source=source,
        forge=github,
        event=Event(name="workflow_dispatch"),
        work=here / "work",
        out=here / "out",
        caches=Caches(here / "caches"),
        say=print,
    )


@pytest.fixture(scope="module")
def planned(spoken: Language, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Mapping[str, str]]:
    """The outputs of the real plan job, with nothing published."""
    here = tmp_path_factory.mktemp("plan")
    source = fork.make(ROOT, here / "source", REPOSITORY, FROZEN)
    with forge() as (github, server):
        run = a_run(here, spoken, source, github)
        workflow = Workflow.read(source.path, FACTORY, spoken)
        only = replace(workflow, jobs={"plan": workflow.jobs["plan"]})
        inputs = {"selector": "cu124 torch2.6", "profile": "full"}
        jobs = Jobs(run=run, source=source.path, actions=ACTIONS, workflow=only, begun=FACTORY, inputs=inputs)
        jobs.perform()
        assert server.wrong == []
    assert jobs.done["plan"].result == "success", (run.out / "Plan" / "log.txt").read_text()
    return run, jobs.done["plan"].outputs


def test_the_plan_job_says_what_to_build(planned: tuple[Run, Mapping[str, str]]) -> None:
    _, outputs = planned
    wheels = json.loads(outputs["wheels"])
    assert {"cp310", "cp311"} <= {word for wheel in wheels for word in wheel["cells"].split()}
    assert {wheel["kernels"] for wheel in wheels} == {
        kernels["name"].partition("-1-of-")[0]
        for kernels in json.loads(outputs["kernels"])
        if "-1-of-" in kernels["name"]
    }


@pytest.mark.parametrize("path", WORKFLOWS)
def test_all_jobs_fit_together(planned: tuple[Run, Mapping[str, str]], path: str) -> None:
    run, outputs = planned
    assert look(run, path, ACTIONS, {"plan": outputs} if path == FACTORY else {}) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("factory", "wheels: ${{ steps", "wheel: ${{ steps", "needs.plan.outputs has no wheels"),
        (
            "factory",
            "runner: ${{ needs.plan.outputs.build_runner }}",
            "runner: ''",
            "JSON input, in: fromJSON(inputs.runner)",
        ),
        ("factory", "cells: ${{ matrix.shard.cells }}", "cells: ${{ matrix.shard.cell }}", "matrix.shard has no cell"),
        ("factory", "pattern: wheel-*", "pattern: wheels-*", "no step makes an artifact wheels-*"),
        ("factory", "needs: [plan, kernels]", "needs: [kernels]", "needs has no plan"),
        ("factory", "steps.deploy.outputs.page_url", "steps.deploy.outputs.url", "steps.deploy.outputs has no url"),
        ("kernels-round", "name: kernels-${{ inputs.name }}-", "name: objects-${{ inputs.name }}-", "no step makes"),
        ("kernels-round", "jobs.kernels.outputs.left", "jobs.kernel.outputs.left", "jobs has no kernel"),
        ("kernels", "needs.first.outputs.left", "needs.first.outputs.rest", "needs.first.outputs has no rest"),
        ("wheel", "name: wheel-${{ inputs.name }}", "name: wheel", "no step makes an artifact wheel-*"),
        (
            "wheel",
            "profile: {type: string, default: full",
            "flavour: {type: string, default: full",
            "there is no input profile",
        ),
        ("wheel", "contents: read # the matrix", "contents: write # the matrix", "asks for contents: write"),
    ],
)
def test_one_change_in_a_workflow_is_found(  # noqa: PLR0913, PLR0917 - a table
    planned: tuple[Run, Mapping[str, str]], tmp_path: Path, file: str, old: str, new: str, told: str
) -> None:
    run, outputs = planned
    name = f".github/workflows/{file}.yml"
    text = (ROOT / name).read_text()
    assert old in text
    source = fork.make(ROOT, tmp_path / "source", REPOSITORY, {**FROZEN, name: text.replace(old, new)})
    found = look(a_run(tmp_path, run.language, source), FACTORY, ACTIONS, {"plan": outputs})
    assert told in "\n".join(found)
