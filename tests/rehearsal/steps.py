"""The steps of a job, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.rehearsal.artifacts import Refused
from tests.rehearsal.found import hashed
from tests.rehearsal.language import Scope, Status, truthy
from tests.rehearsal.machine import Ended, Machine
from tests.rehearsal.permissions import Permissions, allows
from tests.rehearsal.run import Run
from tests.rehearsal.tree import Where
from tests.rehearsal.workflow import Composite, Defaults, Step

_SHELLS = ("", "bash")
_GRACE = 300.0  # seconds that a cancelled job has for what it does always


@dataclass(kw_only=True)
class Place:
    """Where the steps of one job run.

    ``source`` is a checkout of the commit that runs, ``workflow`` what the context ``job`` says of the workflow's file,
    ``until`` when the job's time is over, ``after`` what is done at its end.
    """

    run: Run
    name: str
    machine: Machine
    permissions: Permissions
    environment: str
    token: str
    source: Path
    workflow: Mapping[str, str]
    until: float
    after: list[Callable[[], object]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the job's time is over: it is cancelled, and only what runs ``always()`` runs still."""
        return time.monotonic() > self.until

    def left(self) -> float:
        """Give the seconds a step has at most."""
        return _GRACE if self.over else self.until - time.monotonic()

    def need(self, scope: str, level: str) -> None:
        """Raise Refused where the job's token may not do that."""
        if not allows(self.permissions, scope, level):
            raise Refused(f"Resource not accessible by integration: this job has no permission {scope}: {level}")


@dataclass(frozen=True, kw_only=True)
class Call:
    """A step that uses an action: its inputs, those left out with their defaults."""

    place: Place
    where: Where
    inputs: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """Read an input as GitHub's toolkit does. Raises Breakage for what is neither true nor false."""
        said = self.inputs[name].lower()
        if said not in {"true", "false"}:
            raise self.where.breaks(f"{name} is {said!r}, neither true nor false")
        return said == "true"


Act = Callable[[Call], dict[str, str]]


@dataclass(frozen=True, kw_only=True)
class Action:
    """What stands in for an action of GitHub's. An input that maps to None must be given."""

    inputs: Mapping[str, str | None]
    outputs: tuple[str, ...]
    act: Act


@dataclass(kw_only=True)
class Sequence:
    """Steps of a job, or of a composite action in it; ``contexts`` are those that all of them share."""

    place: Place
    actions: Mapping[str, Action]
    contexts: Mapping[str, Any]
    defaults: Defaults
    env: dict[str, str]
    done: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""

    def perform(self, steps: Iterable[Step]) -> None:
        """Perform every step whose condition holds."""
        for step in steps:
            self._one(step)

    def scope(self, env: Mapping[str, str] | None = None) -> Scope:
        """Give what an expression in these steps can see."""
        contexts = {
            **self.contexts,
            "env": {**self.env, **self.place.machine.added} if env is None else env,
            "job": {**self.place.workflow, "status": "failure" if self.trouble else "success"},
            "runner": _runner(self.place.machine),
            "steps": self.done,
        }
        status = Status.of(failed=bool(self.trouble), cancelled=self.place.over)
        hash_files = partial(hashed, workspace=self.place.machine.workspace)
        return replace(self.place.run.scope(contexts, status), hash_files=hash_files)

    def _one(self, step: Step) -> None:
        began = time.monotonic()
        if not self.scope().holds(step.condition):
            self._note(step, "skipped", "skipped", {})
            return
        env = {**self.env, **self.place.machine.added, **self.scope().texts(step.env)}
        scope = self.scope(env)
        name = _title(step, scope)
        self.place.machine.say(f"##[group]{name}")
        ended = self._performed(step, scope, env)
        forgiven = step.continue_on_error is not None and truthy(scope.value(step.continue_on_error))
        outcome = "failure" if ended.trouble else "success"
        self._note(step, outcome, "success" if forgiven else outcome, ended.outputs)
        how = f"{'failed, as it may' if forgiven else 'failed'}: {ended.trouble}" if ended.trouble else "ok"
        self.place.machine.say(f"##[endgroup]{name}: {how}")
        self.place.run.tell(f"{self.place.name}: {name}: {how}, {time.monotonic() - began:.0f} s")
        if ended.trouble and not forgiven:
            self.trouble = self.trouble or f"{name}: {ended.trouble}"

    def _note(self, step: Step, outcome: str, conclusion: str, outputs: Mapping[str, str]) -> None:
        """Keep what later steps may ask of this one; only of one that did well each output must be there."""
        if step.id:
            lenient = {} if outcome == "success" else {"$lenient": True}
            self.done[step.id] = {"outcome": outcome, "conclusion": conclusion, "outputs": {**outputs, **lenient}}

    def _performed(self, step: Step, scope: Scope, env: dict[str, str]) -> Ended:
        try:
            if step.run is not None:
                return self._ran(step, scope, env)
            if step.action.startswith(("./", "$/")):
                return self._composed(step, scope, env)
            return self._acted(step, scope)
        except Refused as refused:
            self.place.machine.say(f"##[error]{refused}")
            return Ended(trouble=str(refused), outputs={})

    def _ran(self, step: Step, scope: Scope, env: dict[str, str]) -> Ended:
        assert step.run is not None
        kind = step.shell or self.defaults.shell
        if kind not in _SHELLS:
            raise step.where.breaks(f"the shell {kind} is not rehearsed")
        directory = step.directory or self.defaults.directory
        left = self.place.left()
        return self.place.machine.run(
            scope.text(step.run),
            kind=kind,
            directory=self.place.machine.workspace / (scope.text(directory) if directory else ""),
            env={**self.place.machine.environment(), **env},
            limit=min(left, 60 * float(scope.value(step.timeout)) if step.timeout else left),
        )

    def _composed(self, step: Step, scope: Scope, env: dict[str, str]) -> Ended:
        # `$/` is the commit that runs, wherever it came from; `./` is what the job has checked out.
        root = self.place.source if step.action.startswith("$/") else self.place.machine.workspace
        composite = Composite.read(root, step.action[2:], self.place.run.language)
        plain = {
            name: scope.text(one.default) if one.default else None if one.required else ""
            for name, one in composite.inputs.items()
        }
        path = str(root / composite.path)
        within = Sequence(
            place=self.place,
            actions=self.actions,
            contexts={
                **{name: one for name, one in self.contexts.items() if name not in {"needs", "secrets", "vars"}},
                "github": {**self.contexts["github"], "action_path": path},
                "inputs": _inputs(step, scope, plain),
            },
            defaults=Defaults(),
            env={**env, "GITHUB_ACTION_PATH": path},
        )
        within.perform(composite.steps)
        outputs = within.scope().texts_of(composite.outputs)
        return Ended(trouble=within.trouble, outputs=outputs)

    def _acted(self, step: Step, scope: Scope) -> Ended:
        if step.action not in self.actions:
            raise step.where.breaks(f"nothing stands in for the action {step.action}")
        action = self.actions[step.action]
        inputs = _inputs(step, scope, action.inputs)
        given = action.act(Call(place=self.place, where=step.where, inputs=inputs))
        return Ended(trouble="", outputs={**dict.fromkeys(action.outputs, ""), **given})


def _inputs(step: Step, scope: Scope, defaults: Mapping[str, str | None]) -> dict[str, str]:
    """Give an action's inputs. Raises Breakage for one that it does not have or that it must be given."""
    for name, one in step.inputs.items():
        if name not in defaults:
            raise one.where.breaks(f"{step.action} has no input {name} here (it has: {', '.join(defaults)})")
    given = scope.texts_of(step.inputs)
    for name, default in defaults.items():
        if default is None and not given.get(name):
            raise step.where.breaks(f"{step.action} needs the input {name}")
    return {name: given.get(name, default or "") for name, default in defaults.items()}


def _title(step: Step, scope: Scope) -> str:
    if step.name is not None:
        return scope.text(step.name)
    return f"Run {step.action}" if step.run is None else f"Run {scope.text(step.run).strip().partition(chr(10))[0]}"


def _runner(machine: Machine) -> dict[str, str]:
    return {
        "arch": "X64",
        "debug": "",
        "environment": "self-hosted",  # what makes room on GitHub's own machines must not run on this one
        "name": "rehearsal",
        "os": "Linux",
        "temp": str(machine.temp),
        "tool_cache": str(machine.tools),
    }
