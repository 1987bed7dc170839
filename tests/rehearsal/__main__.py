"""Runs the factory's workflow here, from its own files, up to a wheel that pip installs: ``nox -s rehearse``."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from factory.output.progress import duration
from factory.system.cache import cache_root
from tests.githubserver import GithubServer
from tests.githubstore import REPOSITORY
from tests.rehearsal import fork
from tests.rehearsal.actions.all import ACTIONS
from tests.rehearsal.actions.trust import put_gh
from tests.rehearsal.builder import prepare
from tests.rehearsal.caches import Caches
from tests.rehearsal.forge import forge
from tests.rehearsal.install import install
from tests.rehearsal.jobs import begin
from tests.rehearsal.language import Language, language
from tests.rehearsal.run import Event, Forge, Run, Source
from tests.rehearsal.tree import Breakage
from tests.rehearsal.workflow import Workflow

ROOT = Path(__file__).parents[2]
FACTORY = ".github/workflows/factory.yml"
_EVENTS = ("workflow_dispatch", "push", "pull_request", "schedule")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What the runs of one rehearsal share."""

    language: Language
    source: Source
    forge: Forge
    work: Path
    out: Path
    console: Console

    def say(self, line: str) -> None:
        _said_by(self.console)(line)

    def perform(self, path: str, event: Event, name: str) -> list[str]:
        """Run a workflow and show how its jobs ended; give what is wrong."""
        work = self.work / name
        work.mkdir()
        shutil.rmtree(self.out / name, ignore_errors=True)
        run = Run(
            language=self.language,
            source=self.source,
            forge=self.forge,
            event=event,
            work=work,
            out=self.out / name,
            caches=Caches(cache_root(os.environ) / "rehearsal"),
            say=self.say,
        )
        put_gh(run)
        try:
            done = begin(run, self.source.path, path, ACTIONS)
        finally:
            self.show(run)
        wrong = [] if done.result == "success" else [f"{name}: the run's result is {done.result}"]
        unused = set(run.artifacts.names()) - run.artifacts.used
        return wrong + [f"{name}: the artifact {one} was made and never used" for one in sorted(unused)]

    def show(self, run: Run) -> None:
        table = Table("job", "result", "time")
        for row in run.rows:
            table.add_row(row.name, row.result, duration(row.seconds) if row.seconds else "")
        self.console.print(table)


def _said_by(console: Console) -> Callable[[str], None]:
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


def main() -> int:
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, language() as spoken, forge() as (github, server):
        work = Path(folder)
        try:
            changes = {} if arguments.file else fork.small(ROOT, prepare(ROOT, fork.CUDA, work, _said_by(console)))
            source = fork.make(ROOT, work / "source", REPOSITORY, changes)
            stage = Stage(language=spoken, source=source, forge=github, work=work, out=arguments.out, console=console)
            stage.say(f"stood in for: GitHub's machines, {', '.join(ACTIONS)}, gh attestation verify; nothing else")
            wrong = _one(stage, arguments.file) if arguments.file else _factory(stage, server)
        except Breakage as breakage:
            wrong = [str(breakage)]
        except KeyboardInterrupt:
            wrong = ["interrupted"]
    say = _said_by(console)
    for line in wrong or ["nothing"]:
        say(f"wrong: {line}")
    say(f"logs and summaries of all jobs: {arguments.out}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nox -s rehearse --", description=__doc__)
    about = "another workflow than the factory's, for this working tree as it is: .github/workflows/ci.yml"
    parser.add_argument("--file", metavar="FILE", help=about)
    about = "where logs and job summaries go (default: rehearsal)"
    parser.add_argument("--out", type=Path, default=Path("rehearsal"), metavar="DIR", help=about)
    return parser


def _one(stage: Stage, path: str) -> list[str]:
    workflow = Workflow.read(stage.source.path, path, stage.language)
    event = next(name for name in _EVENTS if name in workflow.on)
    return stage.perform(path, Event(name=event), "run")


def _factory(stage: Stage, server: GithubServer) -> list[str]:
    """Press "Run workflow" twice: the first run publishes, the second finds nothing to do."""
    event = Event(name="workflow_dispatch", inputs={"profile": fork.PROFILE})
    wrong = stage.perform(FACTORY, event, "first")
    if wrong:
        return [*wrong, *server.wrong]
    wrong += install(stage.forge.pages, stage.work / "installed", stage.say)
    before = _released(server)
    wrong += stage.perform(FACTORY, event, "second")
    if _released(server) != before:
        wrong.append("the second run changed what the first had published")
    return [*wrong, *server.wrong]


def _released(server: GithubServer) -> Mapping[str, tuple[int, ...]]:
    return {release.tag: tuple(release.assets) for release in server.releases.values()}


if __name__ == "__main__":
    sys.exit(main())
