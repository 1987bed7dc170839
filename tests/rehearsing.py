"""Runs small workflows of a test's own through the rehearsal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from factory.system import process
from tests.githubstore import REPOSITORY
from tests.rehearsal import fork
from tests.rehearsal.actions.all import ACTIONS
from tests.rehearsal.actions.trust import put_gh
from tests.rehearsal.caches import Caches
from tests.rehearsal.jobs import Done, begin
from tests.rehearsal.language import Language
from tests.rehearsal.run import Event, Forge, Run

MAIN = ".github/workflows/main.yml"
CHECKOUT = "actions/checkout@0000000000000000000000000000000000000000"


@dataclass
class Stage:
    """A repository with the workflow ``main.yml``, and what its runs left; ``lines`` is all that was said."""

    here: Path
    language: Language
    runs: int = 0

    def perform(self, event: str = "workflow_dispatch", /, **inputs: str) -> tuple[Done, Run]:
        self.runs += 1
        source = fork.make(self.root, self.here / f"source-{self.runs}", REPOSITORY, {})
        work = self.here / f"work-{self.runs}"
        work.mkdir()
        served = "http://127.0.0.1"
        run = Run(
            language=self.language,
            source=source,
            forge=Forge(api=served, server=served, token=str, pages=f"{served}/pages", publish=lambda _: None),
            event=Event(name=event, inputs=inputs),
            work=work,
            out=self.here / f"out-{self.runs}",
            caches=Caches(self.here / "caches"),
            say=lambda _: None,
        )
        put_gh(run)
        return begin(run, source.path, MAIN, ACTIONS), run

    @property
    def root(self) -> Path:
        return self.here / "root"

    def write(self, jobs: str, on: str = "workflow_dispatch:", name: str = "main", more: str = "") -> None:
        """Write a workflow with ``jobs``, each line as it stands below ``jobs:``."""
        text = f"on:\n{_in(on)}\n{textwrap.dedent(more)}\njobs:\n{_in(jobs)}\n"
        self.file(f".github/workflows/{name}.yml", text)

    def file(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(textwrap.dedent(text))


def make_stage(here: Path, language: Language) -> Stage:
    stage = Stage(here, language)
    stage.root.mkdir()
    assert process.run(["git", "init", "--quiet", stage.root]).ok
    return stage


def logged(run: Run) -> str:
    return "\n".join(log.read_text() for log in sorted(run.out.glob("*/log.txt")))


def results(run: Run) -> dict[str, str]:
    return {row.name: row.result for row in run.rows}


def _in(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text).strip("\n"), "  ")
