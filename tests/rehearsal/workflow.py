"""A workflow file, or a composite action, as values: what is not rehearsed is refused with its line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.rehearsal.language import Language
from tests.rehearsal.tree import EMPTY, Tree, Where

_WORKFLOW = ("name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs")
_JOB = ("name", "needs", "if", "permissions", "strategy", "concurrency")
_STEPS_JOB = (
    *("runs-on", "environment", "outputs", "env", "defaults", "steps"),
    *("timeout-minutes", "continue-on-error"),
)
_STEP = ("id", "if", "name", "env", "continue-on-error", "timeout-minutes")
_RUN = ("run", "shell", "working-directory")
_USES = ("uses", "with")
_INPUT = ("description", "required", "default", "type", "options")
_ACTION = ("name", "description", "author", "branding", "inputs", "outputs", "runs")


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input of a workflow or an action; ``default`` is None where there is none."""

    required: bool
    kind: str
    default: Tree | None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step: a ``run`` or a ``uses``. ``id`` is empty where it has none."""

    tree: Tree
    id: str
    name: Tree | None
    condition: Tree | None
    env: Tree | None
    continue_on_error: Tree | None
    timeout: Tree | None
    run: Tree | None
    shell: str
    directory: Tree | None
    uses: str
    inputs: dict[str, Tree]

    @property
    def where(self) -> Where:
        return self.tree.where

    @property
    def action(self) -> str:
        """``actions/checkout`` of ``actions/checkout@0123...``, or the folder of a local one."""
        return self.uses.partition("@")[0]

    @classmethod
    def of(cls, tree: Tree) -> Step:
        kind = _USES if "uses" in tree.map else _RUN
        said = tree.known(*_STEP, *kind)
        shell = said["shell"].text if "shell" in said else ""
        return cls(
            tree=tree,
            id=said["id"].text if "id" in said else "",
            name=said.get("name"),
            condition=said.get("if"),
            env=said.get("env"),
            continue_on_error=said.get("continue-on-error"),
            timeout=said.get("timeout-minutes"),
            run=said.get("run"),
            shell=shell,
            directory=said.get("working-directory"),
            uses=said["uses"].text if "uses" in said else "",
            inputs=said.get("with", EMPTY).map,
        )


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What ``run`` steps have unless they say otherwise."""

    shell: str = ""
    directory: Tree | None = None

    @classmethod
    def of(cls, tree: Tree | None, above: Defaults | None = None) -> Defaults:
        run = tree.known("run").get("run", EMPTY).known("shell", "working-directory") if tree else {}
        above = above or cls()
        return cls(
            shell=run["shell"].text if "shell" in run else above.shell,
            directory=run.get("working-directory", above.directory),
        )


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: ``steps``, or the workflow that it ``uses``."""

    tree: Tree
    id: str
    name: Tree | None
    needs: tuple[str, ...]
    condition: Tree | None
    permissions: Tree | None
    strategy: Tree
    environment: Tree | None
    runner: Tree | None
    outputs: dict[str, Tree]
    env: Tree | None
    defaults: Defaults
    timeout: Tree | None
    continue_on_error: Tree | None
    steps: tuple[Step, ...]
    uses: str
    inputs: dict[str, Tree]

    @property
    def where(self) -> Where:
        return self.tree.where

    @classmethod
    def of(cls, name: str, tree: Tree, defaults: Defaults) -> Job:
        said = tree.known(*_JOB, *(_USES if "uses" in tree.map else _STEPS_JOB))
        return cls(
            tree=tree,
            id=name,
            name=said.get("name"),
            needs=said["needs"].texts if "needs" in said else (),
            condition=said.get("if"),
            permissions=said.get("permissions"),
            strategy=_strategy(said.get("strategy", EMPTY)),
            environment=said.get("environment"),
            runner=said.get("runs-on"),
            outputs=said.get("outputs", EMPTY).map,
            env=said.get("env"),
            defaults=Defaults.of(said.get("defaults"), defaults),
            timeout=said.get("timeout-minutes"),
            continue_on_error=said.get("continue-on-error"),
            steps=tuple(Step.of(one) for one in said["steps"].seq) if "steps" in said else (),
            uses=said["uses"].text if "uses" in said else "",
            inputs=said.get("with", EMPTY).map,
        )


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow file; ``outputs`` are those it has when it is called."""

    path: str
    name: str
    on: dict[str, Tree]
    permissions: Tree | None
    env: Tree | None
    outputs: dict[str, Tree]
    jobs: dict[str, Job]

    def inputs(self, event: str) -> dict[str, Input]:
        """Give the inputs it has when ``event`` starts it."""
        said = self.on[event].value if event in self.on else None
        inputs = said.get("inputs", EMPTY).value if isinstance(said, dict) else None
        return _inputs(inputs) if isinstance(inputs, dict) else {}

    @classmethod
    def read(cls, root: Path, path: str, language: Language) -> Workflow:
        """Read ``path`` below ``root``. Raises Breakage for what is wrong or not rehearsed."""
        tree = language.read(root / path, path)
        said = tree.known(*_WORKFLOW)
        on = _events(said["on"])
        call = on["workflow_call"].value if "workflow_call" in on else None
        outputs = call["outputs"].map if isinstance(call, dict) and "outputs" in call else {}
        defaults = Defaults.of(said.get("defaults"))
        return cls(
            path=path,
            name=said["name"].text if "name" in said else path,
            on=on,
            permissions=said.get("permissions"),
            env=said.get("env"),
            outputs={name: one.known("description", "value")["value"] for name, one in outputs.items()},
            jobs={name: Job.of(name, one, defaults) for name, one in said["jobs"].map.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Composite:
    """A composite action."""

    path: str
    inputs: dict[str, Input]
    outputs: dict[str, Tree]
    steps: tuple[Step, ...]

    @classmethod
    def read(cls, root: Path, path: str, language: Language) -> Composite:
        """Read the action in the folder ``path``. Raises Breakage for what is wrong or not rehearsed."""
        file = next((name for name in ("action.yml", "action.yaml") if (root / path / name).is_file()), "action.yml")
        if not (root / path / file).is_file():
            raise Where(f"{path}/{file}", 1).breaks("there is no such action")
        said = language.read(root / path / file, f"{path}/{file}", "action").known(*_ACTION)
        runs = said["runs"].known("using", "steps")
        if runs["using"].text != "composite":
            raise runs["using"].where.breaks("only composite actions are rehearsed")
        return cls(
            path=path,
            inputs=_inputs(said.get("inputs", EMPTY).map),
            outputs={name: one.map["value"] for name, one in said.get("outputs", EMPTY).map.items()},
            steps=tuple(Step.of(one) for one in runs["steps"].seq),
        )


def _strategy(tree: Tree) -> Tree:
    tree.known("matrix", "fail-fast", "max-parallel")
    return tree


def _events(tree: Tree) -> dict[str, Tree]:
    """Read ``on`` in any of its three forms."""
    if isinstance(tree.value, dict):
        return tree.value
    return {name: Tree(tree.where, None) for name in tree.texts}


def _inputs(said: dict[str, Tree]) -> dict[str, Input]:
    return {name: _input(one) for name, one in said.items()}


def _input(tree: Tree) -> Input:
    said = tree.known(*_INPUT) if isinstance(tree.value, dict) else {}
    return Input(
        required="required" in said and said["required"].value is True,
        kind=said["type"].text if "type" in said else "string",
        default=said.get("default"),
    )
