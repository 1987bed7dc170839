"""Where wheels are built: in containers where an engine answers, else on this machine itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Protocol

from factory.build import room
from factory.build.build import Backend, Order
from factory.build.container.backend import ContainerBackend
from factory.build.container.session import Containers, image_of
from factory.build.host import Host
from factory.cli.typed import MATRIX
from factory.environment import environment
from factory.errors import FactoryError, UnfitError
from factory.image import engine as engines
from factory.image import pull
from factory.image.engine import Engine
from factory.matrix import native
from factory.plan import pinning
from factory.platforms import own_machine
from factory.toolkit.find import World

_CONTAINER = "container"
_HOST = "host"


class Before(Protocol):
    """Asked whether a run fits here, in containers or not; raises LowMemoryError or DiskFullError where it does not."""

    def __call__(self, *, contained: bool) -> None:
        """Raise where it does not."""


def choose(order: Order, asked: str | None, before: Before, *, memory: int | None, wheels: bool) -> Backend:
    """Return what builds ``order``, ready for its cells; where no ``wheels`` are made, for their kernels alone.

    ``memory`` is in bytes. Raises UnfitError where the cells are for another machine, what ``engine`` raises,
    and what this machine itself lacks where it is to build.
    """
    native.demand(order.cells, own_machine(), order.matrix)
    found = engine(order, asked, before)
    installer = environment.installer(order.session)
    if found is None:
        made = Host(order=order, installer=installer)
        made.look()
        if wheels:
            made.install()
        return made
    containers = Containers(engine=found, installer=installer, matrix=order.matrix, matrix_file=MATRIX, memory=memory)
    return ContainerBackend(order=order, containers=containers)


def engine(order: Order, asked: str | None, before: Before) -> Engine | None:
    """Return the engine to build with, None for this machine itself; ``before`` is asked before anything is fetched.

    Raises what is wrong with the engine or an image when containers were ``asked`` for by name; else says so.
    """
    what = native.uncontained(order.cells, own_machine())
    if what and asked != _HOST:
        _instead(UnfitError(what, remedy="Run the same command again with --backend host."), order, asked)
        asked = _HOST
    found = None if asked == _HOST else _having_images(order, asked, before)
    if found is None:
        before(contained=False)
    return found


def _having_images(order: Order, asked: str | None, before: Before) -> Engine | None:
    try:
        found = engines.find(order.session.env)
        images = dict.fromkeys(image_of(cell, order.matrix) for cell in order.cells)
    except FactoryError as error:
        _instead(error, order, asked)
        return None
    before(contained=True)
    if "GITHUB_ACTIONS" in order.session.env:
        pinning.demand(order.cells, order.matrix)
    try:
        for used in images:
            pull.ensure(used, found, order.session.log.say)
    except FactoryError as error:
        _instead(error, order, asked)
        return None
    return found


def _instead(error: FactoryError, order: Order, asked: str | None) -> None:
    """Say that this machine itself is taken, and why. Raises ``error`` where containers were asked for by name."""
    if asked == _CONTAINER:
        raise error
    order.session.log.say(f"on this machine itself: {'; '.join([error.what, *error.why])}")


def before(order: Order, *, dist: Path | None, memory: int | None, share: float = 1.0) -> Before:
    """Return what holds ``order`` to the disks and the memory that are here, and raises where it does not fit.

    ``dist`` is None where no wheel is made; ``memory`` are the bytes that a person said compiles may use; ``share`` is
    the part of each kernel set, 0 to 1.
    """
    session = order.session
    run = room.Run(
        cells=order.cells,
        matrix=order.matrix,
        cache=session.cache,
        dist=dist,
        env=session.env,
        world=World(),
        installer=environment.installer(session),
        limits=session.limits,
        share=share,
        memory=memory,
    )
    return partial(room.hold, run, say=session.log.say)
