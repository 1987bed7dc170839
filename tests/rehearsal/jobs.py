"""The jobs of a workflow in their order, and of the workflows that they call."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.rehearsal.calls import called_by, granted, outputs_of, typed
from tests.rehearsal.language import Scope, Status, truthy
from tests.rehearsal.machine import Machine
from tests.rehearsal.matrix import Combination, combinations
from tests.rehearsal.permissions import Permissions
from tests.rehearsal.run import Row, Run, variables
from tests.rehearsal.steps import Action, Place, Sequence
from tests.rehearsal.tree import Tree, Where
from tests.rehearsal.workflow import Job, Workflow

_HOURS = 6.0  # that a job of GitHub's own machines may take
_OUTPUTS = 1 << 20  # bytes of a job's outputs, GitHub's limit


@dataclass(frozen=True)
class Done:
    """How a job ended: ``success``, ``failure``, ``cancelled`` or ``skipped``."""

    result: str
    outputs: Mapping[str, str]


@dataclass(kw_only=True)
class Jobs:
    """The jobs of one workflow; ``ceiling`` is what their caller's token may do, None where there is no caller.

    ``begun`` is the file the run began with, ``prefix`` the names of the jobs that called, ``source`` a checkout of
    the commit, where called workflows are read.
    """

    run: Run
    source: Path
    actions: Mapping[str, Action]
    workflow: Workflow
    begun: str
    inputs: Mapping[str, Any]
    ceiling: Permissions | None = None
    prefix: str = ""
    done: dict[str, Done] = field(default_factory=dict)

    def perform(self) -> Done:
        """Perform all jobs; give how they ended together, and the outputs of the workflow."""
        for job in ordered(self.workflow):
            self.done[job.id] = self._job(job)
        results = [one.result for one in self.done.values()]
        contexts = {**self._shared(""), "jobs": {name: _plain(one) for name, one in self.done.items()}}
        scope = self.run.scope(contexts)
        return Done(together(results), scope.texts_of(self.workflow.outputs))

    def _shared(self, job: str) -> dict[str, Any]:
        return {"github": self.run.github(self.begun, job, ""), "inputs": self.inputs, "vars": {}}

    def _job(self, job: Job) -> Done:
        needs = {name: _plain(self.done[name]) for name in job.needs}
        before = [self.done[name].result for name in _ancestors(self.workflow, job)]
        status = Status(success=set(before) <= {"success"}, failure="failure" in before)
        contexts = {**self._shared(job.id), "needs": needs}
        if not self.run.scope(contexts, status).holds(job.condition):
            return self._not_run(job, self.prefix + job.id, "skipped")
        ended = list(self._combined(job, contexts))
        outputs = {name: _last(one.outputs[name] for one in ended) for name in self._outputs(job)}
        return Done(together([one.result for one in ended]), outputs)

    def _outputs(self, job: Job) -> tuple[str, ...]:
        return outputs_of(job, self.source, self.run.language)

    def _combined(self, job: Job, contexts: dict[str, Any]) -> Iterator[Done]:
        """Perform a job for every combination of its matrix."""
        said = self.run.scope(contexts).value(job.strategy)
        fail_fast, failed = said.get("fail-fast", True), False
        where = job.strategy.map.get("matrix", job.tree).where
        all_of_it = combinations(said["matrix"], where) if "matrix" in said else ({},)
        for index, combination in enumerate(all_of_it):
            strategy = {"fail-fast": fail_fast, "job-index": index, "job-total": len(all_of_it)}
            of_one = {**contexts, "matrix": combination, "strategy": {"max-parallel": len(all_of_it), **strategy}}
            name = self.prefix + _title(job, combination, self.run.scope(of_one))
            over = failed and fail_fast
            done = self._not_run(job, name, "cancelled") if over else self._one(job, of_one, name)
            failed = failed or done.result == "failure"
            yield done

    def _one(self, job: Job, contexts: dict[str, Any], name: str) -> Done:
        if job.uses:
            return self._call(job, contexts, name)
        began = time.monotonic()
        done = self._steps(job, contexts, name)
        self._row(Row(name=name, result=done.result, seconds=time.monotonic() - began))
        return done

    def _not_run(self, job: Job, name: str, result: str) -> Done:
        self._row(Row(name=name, result=result, seconds=0))
        return Done(result, dict.fromkeys(self._outputs(job), ""))

    def _row(self, row: Row) -> None:
        self.run.rows.append(row)
        self.run.tell(f"{row.name}: {row.result}")

    def _call(self, job: Job, contexts: dict[str, Any], name: str) -> Done:
        called = called_by(job, self.source, self.run.language)
        scope = self.run.scope(contexts)
        given = {name: scope.value(one) for name, one in job.inputs.items()}
        inputs = typed(called.inputs("workflow_call"), given, job.where)
        nested = replace(
            self,
            workflow=called,
            inputs=inputs,
            ceiling=granted(job, self.workflow, self.ceiling),
            prefix=f"{name} / ",
            done={},
        )
        return nested.perform()

    def _steps(self, job: Job, contexts: dict[str, Any], name: str) -> Done:
        place, github = self._place(job, contexts, name)
        contexts = {**contexts, "github": github, "secrets": {"GITHUB_TOKEN": place.token}}
        scope = self.run.scope(contexts)
        if job.runner is None or not scope.value(job.runner):
            raise job.where.breaks("runs-on names no machine")
        env = {**scope.texts(self.workflow.env), **scope.texts(job.env)}
        steps = Sequence(place=place, actions=self.actions, contexts=contexts, defaults=job.defaults, env=env)
        outputs = _performed(job, steps)
        forgiven = job.continue_on_error is not None and truthy(scope.value(job.continue_on_error))
        result = "cancelled" if place.over else "failure" if steps.trouble and not forgiven else "success"
        return Done(result, outputs)

    def _place(self, job: Job, contexts: dict[str, Any], name: str) -> tuple[Place, dict[str, Any]]:
        permissions = granted(job, self.workflow, self.ceiling)
        token = self.run.forge.token(permissions)
        github = self.run.github(self.begun, job.id, token)
        scope = self.run.scope(contexts)
        slug = self.run.slug(name)
        (self.run.out / slug).mkdir()
        machine = Machine(
            root=self.run.work / "jobs" / slug,
            name=self.run.source.name,
            programs=self.run.programs,
            log=self.run.out / slug / "log.txt",
            summary=self.run.out / slug / "summary.md",
            github=variables(github),
        )
        minutes = float(scope.value(job.timeout)) if job.timeout else _HOURS * 60
        place = Place(
            run=self.run,
            name=name,
            machine=machine,
            permissions=permissions,
            environment=_environment(job, scope),
            token=token,
            source=self.source,
            workflow={
                "workflow_file_path": self.workflow.path,
                "workflow_ref": f"{github['repository']}/{self.workflow.path}@{github['ref']}",
                "workflow_repository": github["repository"],
                "workflow_sha": github["sha"],
            },
            until=time.monotonic() + 60 * minutes,
        )
        return place, {**github, "workspace": str(machine.workspace)}


def _performed(job: Job, steps: Sequence) -> dict[str, str]:
    """Perform a job's steps, and clear up after them; give the job's outputs."""
    try:
        steps.perform(job.steps)
        for act in reversed(steps.place.after if not steps.trouble else []):
            act()
        outputs = steps.scope().texts_of(job.outputs)
        steps.scope().texts_of(_address(job))
    finally:
        steps.place.machine.end()
    if (size := len(json.dumps(outputs))) > _OUTPUTS:
        raise job.where.breaks(f"the job's outputs have {size} bytes; GitHub takes {_OUTPUTS}")
    return outputs


def begin(run: Run, source: Path, path: str, actions: Mapping[str, Action]) -> Done:
    """Perform the workflow at ``path``, started by the run's event. Raises Breakage for what cannot work."""
    workflow = Workflow.read(source, path, run.language)
    if run.event.name not in workflow.on:
        raise Where(path, 1).breaks(f"{run.event.name} does not start it")
    there = Where(path, workflow.on[run.event.name].where.line)
    # An input of the one way to start a run is empty in a run that was started another way.
    others = dict.fromkeys(workflow.inputs("workflow_dispatch"))
    inputs = others | typed(workflow.inputs(run.event.name), run.event.inputs, there)
    jobs = Jobs(run=run, source=source, actions=actions, workflow=workflow, begun=path, inputs=inputs)
    return jobs.perform()


def ordered(workflow: Workflow) -> tuple[Job, ...]:
    """Give the jobs, each after those it needs; GitHub's parser has refused circles and unknown names."""
    placed: dict[str, Job] = {}

    def place(name: str) -> None:
        for need in workflow.jobs[name].needs:
            place(need)
        placed.setdefault(name, workflow.jobs[name])

    for name in workflow.jobs:
        place(name)
    return tuple(placed.values())


def together(results: list[str]) -> str:
    """Give the result of several: of a matrix, or of the jobs of a called workflow."""
    for worst in ("failure", "cancelled"):
        if worst in results:
            return worst
    return "success" if "success" in results else "skipped"


def _ancestors(workflow: Workflow, job: Job) -> set[str]:
    """Give all jobs that a job waits for: one that was skipped far above it counts for ``success()`` too."""
    return set(job.needs).union(*(_ancestors(workflow, workflow.jobs[need]) for need in job.needs))


def _plain(done: Done) -> dict[str, Any]:
    return {"result": done.result, "outputs": dict(done.outputs)}


def _last(values: Iterator[str]) -> str:
    """Give the output of a matrix: what the last of its jobs said that said something."""
    return ([value for value in values if value] or [""])[-1]


def _title(job: Job, combination: Combination, scope: Scope) -> str:
    if job.name is not None:
        return scope.text(job.name)
    values = [str(value) for value in combination.values() if not isinstance(value, dict | list)]
    return f"{job.id} ({', '.join(values)})" if values else job.id


def _environment(job: Job, scope: Scope) -> str:
    """Give the name of the job's environment; its address may name what the steps give, and is not looked at."""
    if job.environment is None:
        return ""
    named = job.environment.value
    return scope.text(named["name"] if isinstance(named, dict) else job.environment)


def _address(job: Job) -> dict[str, Tree]:
    """Give the address that a job's environment is shown with."""
    named = job.environment.value if job.environment else None
    return {"url": named["url"]} if isinstance(named, dict) and "url" in named else {}
