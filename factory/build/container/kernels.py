"""Compile a kernel set in a container of its image, where its host compiler is; fetch it from outside before that.

What is needed is known only inside, what is published only outside: nothing in a container holds a token or asks
GitHub. So a container is asked what it needs, this side fetches that, and the container compiles the rest.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from factory.build.container import spec
from factory.build.container.session import Containers, ContainerSession, container_session
from factory.kernels.kernels import Fetch
from factory.kernels.page import Tally
from factory.kernels.shard import Shard
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell
from factory.pool.record import SetRecord
from factory.session import Session
from factory.system import process


@dataclass(frozen=True, kw_only=True)
class Portion:
    """How much of a set: a shard, None for all, and until which second of the monotonic clock, None for no limit."""

    shard: Shard | None = None
    until: float | None = None


@dataclass(frozen=True, kw_only=True)
class SetRequest:
    """What is needed inside: a set, the keys of those of its parts that are, the names of the units that lack some."""

    kernels: SetRecord
    keys: frozenset[str]
    lacking: frozenset[str]

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        told = {"kernels": asdict(self.kernels), "keys": sorted(self.keys), "lacking": sorted(self.lacking)}
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str) -> SetRequest:
        """Return the request that ``to_json`` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        told = json.loads(text)
        return cls(
            kernels=SetRecord.of(told["kernels"]), keys=frozenset(told["keys"]), lacking=frozenset(told["lacking"])
        )


def kernels(
    cell: Cell,
    containers: Containers,
    session: Session,
    portion: Portion,
    *,
    fetch: Fetch | None = None,
) -> Tally:
    """Have the kernels of ``cell``, or a ``portion`` of them, in the pool, as ``factory.kernels.kernels.kernels`` does.

    Returns what came from where. Raises what failed inside as its own error, ContainerError when the container ended
    before it was done.
    """
    shard = None if portion.shard is None else str(portion.shard)
    name = f"kernels-{need_of(cell, containers.matrix).label}"
    with container_session(name, cell, containers, session) as one:
        one.lay_out()
        one.order(shard=shard)
        session.log.say(f"kernels in {one.image.reference} with {containers.engine}; output in {one.log}")
        one.log.write_text("")
        lacking: frozenset[str] = frozenset()
        try:
            name = _started(one)
            if fetch is not None:
                _step(one, name, "note")
                needed = SetRequest.from_json(one.left("needed") or "")
                fetch(needed.kernels, needed.keys)
                lacking = needed.lacking
            one.order(shard=shard, minutes=_minutes(portion))
            _step(one, name, "kernels")
        finally:
            one.clear_up()
        return Tally.from_json(one.left("made") or "").with_fetched(lacking)


def _minutes(portion: Portion) -> float | None:
    """Return how long the steps may still take; inside the clock may be another."""
    return None if portion.until is None else (portion.until - time.monotonic()) / 60


def _started(one: ContainerSession) -> str:
    """Start a container that waits for its steps; return its name. Raises ContainerError."""
    words = spec.waiting(one.image, one.outside(), one.project)
    done = one.containers.engine.run(*words, timeout=120)
    if not done.ok:
        one.log.write_text(done.stderr)
        raise one.failure("starting", f"{one.containers.engine.name}'s status {done.status}")
    return done.stdout.strip()


def _step(one: ContainerSession, name: str, step: str) -> None:
    """Run a step in the container ``name``."""
    command: list[str | Path] = [one.containers.engine.path, "exec", name, *spec.step(step)]
    with one.log.open("a", buffering=1) as sink:
        sink.write(process.shown(command))
        status = process.stream(command, line=one.listen(sink.write), env=one.containers.engine.env)
    if status:
        raise one.failure("its kernels were compiled", f"status {status}")
