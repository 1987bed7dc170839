"""What a job may do, gives and gets: inputs, outputs and permissions of jobs and of the workflows they call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.rehearsal.language import Language
from tests.rehearsal.permissions import DEFAULT, Permissions, check_nested, read
from tests.rehearsal.tree import Where
from tests.rehearsal.workflow import Input, Job, Workflow


def typed(declared: Mapping[str, Input], given: Mapping[str, Any], where: Where) -> dict[str, Any]:
    """Give the inputs of a workflow. Raises Breakage for one that it does not have, needs, or has of another type."""
    for name in given:
        if name not in declared:
            raise where.breaks(f"there is no input {name} (there are: {', '.join(declared) or 'none'})")
    return {name: _typed(name, one, given.get(name), where) for name, one in declared.items()}


_KINDS: Mapping[str, tuple[type, ...]] = {"boolean": (bool,), "number": (int, float)}


def _typed(name: str, declared: Input, given: Any, where: Where) -> Any:  # noqa: ANN401 - whatever JSON can hold
    if given is None and declared.required:
        raise where.breaks(f"the input {name} must be given")
    kinds = _KINDS.get(declared.kind, (str,))
    if given is None:
        given = declared.default.value if declared.default else kinds[-1]()
    if not isinstance(given, kinds):
        raise where.breaks(f"the input {name} is a {declared.kind}, and is given {given!r}")
    return given


def called_by(job: Job, source: Path, language: Language) -> Workflow:
    """Read the workflow that a job calls, from a checkout. Raises Breakage where there is none that can be called."""
    if not job.uses.startswith(("./", "$/")):
        raise job.where.breaks(f"only workflows of this repository are rehearsed, not {job.uses}")
    if not (source / job.uses[2:]).is_file():
        raise job.where.breaks(f"there is no workflow {job.uses}")
    called = Workflow.read(source, job.uses[2:], language)
    if "workflow_call" not in called.on:
        raise job.where.breaks(f"{job.uses} is not to be called: it has no `on: workflow_call`")
    return called


def outputs_of(job: Job, source: Path, language: Language) -> tuple[str, ...]:
    """Name the outputs of a job."""
    return tuple(called_by(job, source, language).outputs if job.uses else job.outputs)


def granted(job: Job, workflow: Workflow, ceiling: Permissions | None) -> Permissions:
    """Give what a job's token may do. Raises Breakage where that is more than the job that called may."""
    asked = read(job.permissions, read(workflow.permissions, ceiling or DEFAULT))
    if ceiling is not None:
        check_nested(asked, ceiling, (job.permissions or workflow.permissions or job.tree).where)
    return asked
