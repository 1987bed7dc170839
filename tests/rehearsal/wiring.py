"""Whether the jobs of a workflow fit together, told from the files and what ``plan`` gave, without running the rest.

Every job of every matrix is looked at, whatever its conditions: what its expressions name must be there, the workflows
and actions it uses must take what they are given, and artifacts must find each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tests.rehearsal.calls import called_by, granted, outputs_of, typed
from tests.rehearsal.jobs import ordered
from tests.rehearsal.language import Scope
from tests.rehearsal.matrix import Combination, combinations
from tests.rehearsal.permissions import Permissions
from tests.rehearsal.run import Run
from tests.rehearsal.steps import Action
from tests.rehearsal.tree import Breakage, Tree, Where
from tests.rehearsal.workflow import Composite, Job, Step, Workflow

_ANYWHERE = frozenset({"env", "job", "runner"})  # contexts whose contents are known only when a job runs
_UPLOADS = {"actions/upload-artifact": "name", "actions/upload-pages-artifact": "name"}
_DOWNLOADS = {"actions/download-artifact": "name", "actions/deploy-pages": "artifact_name"}
_ANY = "*"


@dataclass
class Found:
    """What was met: names of artifacts that are made, names and patterns that are asked for, complaints."""

    made: list[tuple[str, Where]] = field(default_factory=list)
    wanted: list[tuple[str, Where]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def artifacts(self) -> Iterator[str]:
        """Say which artifacts do not find each other."""
        for name, where in self.wanted:
            if not any(_fit(name, made) for made, _ in self.made):
                yield str(where.breaks(f"no step makes an artifact {name}"))
        names = [name for name, _ in self.made]
        for name, where in self.made:
            if not any(_fit(wanted, name) for wanted, _ in self.wanted):
                yield str(where.breaks(f"no step asks for the artifact {name}"))
            if names.count(name) > 1 and _ANY not in name:
                yield str(where.breaks(f"several jobs make an artifact {name}"))


@dataclass(kw_only=True)
class Wiring:
    """A look at one workflow; ``known`` are the outputs of jobs that were run."""

    run: Run
    source: Path
    actions: Mapping[str, Action]
    workflow: Workflow
    inputs: Mapping[str, Any]
    known: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ceiling: Permissions | None = None
    found: Found = field(default_factory=Found)

    def look(self) -> None:
        """Look at every job."""
        for job in ordered(self.workflow):
            self._job(job)
        jobs = {name: self._outputs(job) for name, job in self.workflow.jobs.items()}
        self._check(self.workflow.outputs.values(), {**self._shared(), "jobs": jobs})

    def _shared(self) -> dict[str, Any]:
        github = {**self.run.github(self.workflow.path, "", ""), "workspace": "", "event": {"$lenient": True}}
        return {"github": github, "inputs": self.inputs, "vars": {}, "secrets": {"GITHUB_TOKEN": ""}}

    def _outputs(self, job: Job) -> dict[str, Any]:
        known = self.known.get(job.id, {})
        declared = outputs_of(job, self.source, self.run.language)
        return {"result": "", "outputs": {name: known.get(name, "") for name in declared}}

    def _job(self, job: Job) -> None:
        needs = {name: self._outputs(self.workflow.jobs[name]) for name in job.needs}
        contexts = {**self._shared(), "needs": needs, "strategy": {"$lenient": True}}
        self._check([job.strategy], contexts)
        permissions = granted(job, self.workflow, self.ceiling)
        for combination in self._combinations(job, contexts):
            of_one = {**contexts, "matrix": combination}
            if job.uses:
                self._check([job.tree], of_one)
                self._called(job, self.run.scope(of_one), permissions)
            else:
                self._steps(job, of_one)

    def _combinations(self, job: Job, contexts: Mapping[str, Any]) -> Iterable[Combination]:
        """Give the combinations of a job's matrix; where that is empty now, one that stands for all there can be."""
        if "matrix" not in job.strategy.map:
            return ({},)
        matrix = job.strategy.map["matrix"]
        value = self.run.scope(contexts).value(matrix)
        if all(value.values()):
            return combinations(value, matrix.where)
        return (_standing_for_all(path[1:] for path in self._paths(job.tree) if path[0] == "matrix"),)

    def _called(self, job: Job, scope: Scope, permissions: Permissions) -> None:
        called = called_by(job, self.source, self.run.language)
        given = {name: scope.value(one) for name, one in job.inputs.items()}
        inputs = typed(called.inputs("workflow_call"), given, job.where)
        replace(self, workflow=called, inputs=inputs, known={}, ceiling=permissions).look()

    def _steps(self, job: Job, contexts: dict[str, Any]) -> None:
        steps: dict[str, Any] = {}
        contexts = {**contexts, "steps": steps}
        for step in job.steps:
            self._step(step, contexts, steps)
        if job.runner is not None:
            self.run.scope(contexts).value(job.runner)
        whole = {key: one for key, one in job.tree.map.items() if key not in {"steps", "strategy"}}
        self._check([Tree(job.where, whole)], contexts)

    def _step(self, step: Step, contexts: Mapping[str, Any], steps: dict[str, Any]) -> None:
        self._check([step.tree], contexts)
        outputs: dict[str, Any] = {"$lenient": True}
        if step.uses:
            outputs = dict.fromkeys(self._used(step, contexts), "")
        if step.id:
            steps[step.id] = {"outcome": "", "conclusion": "", "outputs": outputs}

    def _used(self, step: Step, contexts: Mapping[str, Any]) -> Iterable[str]:
        """Look at the action that a step uses; give its outputs."""
        if step.action.startswith(("./", "$/")):
            return self._composite(step, contexts)
        if step.action not in self.actions:
            raise step.where.breaks(f"nothing stands in for the action {step.action}")
        action = self.actions[step.action]
        self._given(step, {name for name, one in action.inputs.items() if one is None}, set(action.inputs))
        if step.action in {**_UPLOADS, **_DOWNLOADS}:
            self._artifact(step, action, self.run.scope(contexts))
        return action.outputs

    def _composite(self, step: Step, contexts: Mapping[str, Any]) -> Iterable[str]:
        composite = Composite.read(self.source, step.action[2:], self.run.language)
        required = {name for name, one in composite.inputs.items() if one.required and one.default is None}
        self._given(step, required, set(composite.inputs))
        steps: dict[str, Any] = {}
        within = {**contexts, "inputs": dict.fromkeys(composite.inputs, ""), "steps": steps}
        for one in composite.steps:
            self._step(one, {key: within[key] for key in ("github", "inputs", "matrix", "steps", "strategy")}, steps)
        self._check(composite.outputs.values(), within)
        return composite.outputs

    def _given(self, step: Step, required: set[str], known: set[str]) -> None:
        for name in set(step.inputs) - known:
            self._complain(step.inputs[name].where, f"{step.action} has no input {name} here")
        for name in required - set(step.inputs):
            self._complain(step.where, f"{step.action} needs the input {name}")

    def _artifact(self, step: Step, action: Action, scope: Scope) -> None:
        if "artifact-ids" in step.inputs:  # a number that an upload gave, which needs no name
            return
        upload = step.action in _UPLOADS
        key = {**_UPLOADS, **_DOWNLOADS}[step.action]
        said = step.inputs.get(key) or step.inputs.get("pattern")
        name = scope.text(said) if said else action.inputs[key] or _ANY
        (self.found.made if upload else self.found.wanted).append((name, step.where))

    def _check(self, trees: Iterable[Tree], contexts: Mapping[str, Any]) -> None:
        """Complain of every name in the expressions that is not there."""
        for tree in trees:
            for where, expression in tree.expressions():
                for path in self.run.language.references(expression).paths:
                    if missing := _missing(path, contexts):
                        self._complain(where, f"{missing}, in: {expression}")

    def _paths(self, tree: Tree) -> Iterator[tuple[str, ...]]:
        for _, expression in tree.expressions():
            yield from self.run.language.references(expression).paths

    def _complain(self, where: Where, what: str) -> None:
        complaint = str(where.breaks(what))
        if complaint not in self.found.complaints:
            self.found.complaints.append(complaint)


def look(run: Run, path: str, actions: Mapping[str, Action], known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Give everything that does not fit in the workflow at ``path``, started by any of its events."""
    workflow = Workflow.read(run.source.path, path, run.language)
    declared = workflow.inputs("workflow_dispatch")
    inputs = {name: "" if one.default is None else one.default.value for name, one in declared.items()}
    wiring = Wiring(run=run, source=run.source.path, actions=actions, workflow=workflow, inputs=inputs, known=known)
    try:
        wiring.look()
    except Breakage as breakage:
        return [*wiring.found.complaints, str(breakage)]
    return [*wiring.found.complaints, *dict.fromkeys(wiring.found.artifacts())]


def _missing(path: tuple[str, ...], contexts: Mapping[str, Any]) -> str:
    """Say what of a path is not there; nothing where all is."""
    if path[0] in _ANYWHERE:
        return ""
    here: Any = contexts
    for depth, key in enumerate(path):
        if not isinstance(here, dict) or "$lenient" in here:
            return ""
        names = {name.lower(): name for name in here}
        if key.lower() not in names:
            return f"{'.'.join(path[:depth]) or 'this place'} has no {key} (it has: {', '.join(here) or 'nothing'})"
        here = here[names[key.lower()]]
    return ""


def _standing_for_all(paths: Iterable[tuple[str, ...]]) -> Combination:
    """Make a combination that has every name, each meaning any text."""
    made: Combination = {}
    for path in paths:
        here = made
        for key in path[:-1]:
            here = here.setdefault(key, {})
        here[path[-1]] = _ANY
    return made


def _fit(wanted: str, made: str) -> bool:
    return fnmatchcase(made, wanted) or fnmatchcase(wanted, made)
