"""The order of things around a container, with a script in the engine's place; the real thing is ``e2e_container``."""

import io
import json
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from factory.build.container.kernels import Portion, SetRequest, kernels
from factory.build.container.messages import to_json
from factory.build.container.session import Containers
from factory.environment import interpreter
from factory.environment.environment import Installer
from factory.errors import ContainerError, KernelError
from factory.image import engine
from factory.kernels.page import Tally, UnitCost
from factory.kernels.shard import Shard
from factory.matrix import cells, selector
from factory.matrix.load import load as load_matrix
from factory.output.log import Log
from factory.pool.record import SetRecord
from factory.session import Session
from factory.system import machine
from tests.kernelsets import kernel_set
from tests.smallsdist import matrix_with_small_sdists

INFO = '{"host": {"arch": "amd64", "security": {"rootless": true}}, "version": {"Version": "4.3.1"}}'
NEEDED = SetRequest(kernels=kernel_set("a.cu"), keys=frozenset({"one", "two"}), lacking=frozenset({"b", "c"}))
A, B, C = (UnitCost(name=name, cpu_seconds=2, wall_seconds=1, peak=5) for name in "abc")
COUNTED = Tally(name="a set", units=4, pooled=(A, B), fetched=(), compiled=(C,), left=1, seconds=9)


class Stage:
    """A session whose engine is a script, and what was done in which order."""

    def __init__(self, directory: Path, steps: dict[str, str]) -> None:
        self.calls = directory / "calls"
        self.said = io.StringIO()
        programs = directory / "bin"
        programs.mkdir()
        cases = "\n".join(f"      {name}) {script} ;;" for name, script in steps.items())
        (programs / "podman").write_text(
            f"""#!/bin/sh
logs={directory}/cache/logs
run=$(/bin/cat {directory}/run 2>/dev/null)
case $1 in
  info) echo '{INFO}'; exit ;;
  run)
    for word; do
      case $word in --label=flash-attn-wheel-factory=*) echo "${{word##*=}}" > {directory}/run ;; esac
    done
    echo c0ffee ;;
  exec)
    /bin/cp {directory}/cache/work/*-container/project/job.json {directory}/$5.job
    case $5 in
{cases}
    esac ;;
  ps) echo c0ffee ;;
esac
status=$?
echo "$1 $2 $5" >> {self.calls}
exit $status
"""
        )
        (programs / "podman").chmod(0o755)
        env = {"PATH": str(programs)}
        (directory / "matrix.yaml").write_text(matrix_with_small_sdists(directory / "cache"))
        self.matrix = load_matrix((directory / "matrix.yaml").read_text())
        planned = cells.expand(self.matrix, profile="smoke")
        tokens = ("cu124", "torch2.6", "cp311", "fa2.7.4.post1")
        self.cell = selector.select(planned, selector.parse(tokens, self.matrix))[0].cell
        self.session = Session(
            cache=directory / "cache",
            env=env,
            log=Log(Console(file=self.said, width=300)),
            limits=machine.limits({}, max_jobs=1),
        )
        installer = Installer(
            cache=self.session.cache,
            env=env,
            interpreter=lambda version: interpreter.find(version, env),
            say=Log(Console(file=self.said)).say,
        )
        self.containers = Containers(
            engine=engine.find(env),
            installer=installer,
            matrix=self.matrix,
            matrix_file=directory / "matrix.yaml",
            memory=None,
        )

    def fetch(self, wanted: SetRecord, keys: Collection[str]) -> None:
        assert (wanted, frozenset(keys)) == (NEEDED.kernels, NEEDED.keys)
        with self.calls.open("a") as calls:
            calls.write("fetch\n")

    def done(self) -> list[str]:
        return [line.strip() for line in self.calls.read_text().splitlines()]


def leaving(name: str, text: str) -> str:
    return f"echo '{text}' > $logs/$run.{name}.json"


MADE = leaving("made", COUNTED.to_json())


def test_what_the_container_needs_is_fetched_outside_before_it_compiles(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"note": leaving("needed", NEEDED.to_json()), "kernels": f"echo '[factory] hello'; {MADE}"})
    portion = Portion(shard=Shard(number=2, of=3), until=time.monotonic() + 600)
    made = kernels(stage.cell, stage.containers, stage.session, portion, fetch=stage.fetch)
    assert made == replace(COUNTED, pooled=(A,), fetched=(B,))
    before, after = ["ps", "kill", "rm", "run"], ["ps", "kill", "rm"]
    assert [line.split()[0] for line in stage.done()] == [*before, "exec", "fetch", "exec", *after]
    assert [line for line in stage.done() if "exec" in line] == ["exec c0ffee note", "exec c0ffee kernels"]
    job = json.loads((tmp_path / "kernels.job").read_text())
    assert job["shard"] == "2/3"
    assert 9 < job["minutes"] <= 10
    assert "  hello" in stage.said.getvalue()
    (log,) = (tmp_path / "cache" / "logs").glob("container-kernels-*.log")
    asked, command, said = log.read_text().splitlines()
    assert asked.startswith("+ ")
    assert asked.endswith("podman exec c0ffee sh /project/factory/data/inside.sh note")
    assert command.endswith("podman exec c0ffee sh /project/factory/data/inside.sh kernels")
    assert said == "[factory] hello"
    assert not list((tmp_path / "cache" / "work").glob("*-container"))
    assert not list((tmp_path / "cache" / "logs").glob("*.json"))


def test_where_nothing_is_fetched_the_container_is_not_asked(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"kernels": MADE})
    assert kernels(stage.cell, stage.containers, stage.session, Portion()) == COUNTED
    assert [line for line in stage.done() if "exec" in line] == ["exec c0ffee kernels"]
    assert json.loads((tmp_path / "kernels.job").read_text())["minutes"] is None


def test_a_failure_inside_is_told_as_it_was_and_the_container_goes(tmp_path: Path) -> None:
    error = KernelError("a.cu did not compile", why=["whole log: /factory/cache/logs/a.log"], remedy="Mend it.")
    stage = Stage(tmp_path, {"kernels": f"{leaving('error', to_json(error))}; exit 30"})
    with pytest.raises(KernelError, match=r"a\.cu did not compile") as caught:
        kernels(stage.cell, stage.containers, stage.session, Portion())
    assert caught.value.why == (f"whole log: {tmp_path}/cache/logs/a.log",)
    assert stage.done()[-1].startswith("rm")


def test_a_container_that_is_killed_is_said_to_have_ended(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"kernels": "exit 137"})
    with pytest.raises(ContainerError, match="ended while its kernels were compiled"):
        kernels(stage.cell, stage.containers, stage.session, Portion())
