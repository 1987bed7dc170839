"""Where wheels are built: in containers where an engine answers, else on this machine itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Protocol

from factory.cli import context
from factory.core.errors import FactoryError
from factory.edge import engine as engines
from factory.edge import environment, image
from factory.edge.engine import Engine
from factory.edge.toolkit.find import World
from factory.edge.workshop import Workshop
from factory.verb import audit, build, kernels, room, workbench
from factory.verb.container import kernels as contained
from factory.verb.container import wheel
from factory.verb.container.kernels import Portion
from factory.verb.build import Backend, Order
from factory.verb.container.backend import Containers
from factory.verb.container.yard import Yard, image_of
from factory.verb.host import Host


class Before(Protocol):
    """Asked whether a run fits here, in containers or not."""

    def __call__(self, *, contained: bool) -> None:
        """Raise where it does not."""


_CONTAINER = "container"
_HOST = "host"


def choose(order: Order, asked: str | None, *, memory: int | None, wheels: bool) -> Backend:
    """Give what builds ``order``, ready for its cells; where no ``wheels`` are made, for their kernels alone.

    Raises what ``engine`` raises, and what this machine itself lacks where it is to build.
    """
    found = engine(order, asked)
    installer = environment.installer(order.shop)
    if found is None:
        made = Host(order=order, installer=installer)
        made.look()
        if wheels:
            made.install()
        return made
    yard = Yard(engine=found, installer=installer, rules=order.rules, matrix=context.MATRIX, memory=memory)
    return Containers(order=order, yard=yard)


def engine(order: Order, asked: str | None, before: Before) -> Engine | None:
    """Give the engine to build with, None for this machine itself; ``before`` is asked before anything is fetched.

    Raises what is wrong with the engine or an image when containers were ``asked`` for by name; else says so.
    """
    found = None if asked == _HOST else _having_images(order, asked, before)
    if found is None:
        before(contained=False)
    return found


def _having_images(order: Order, asked: str | None, before: Before) -> Engine | None:
    try:
        found = engines.find(order.shop.env)
        images = dict.fromkeys(image_of(cell, order.rules) for cell in order.cells)
    except FactoryError as error:
        _instead(error, order, asked)
        return None
    before(contained=True)
    try:
        for used in images:
            image.ensure(used, found, order.shop.log.say)
    except FactoryError as error:
        _instead(error, order, asked)
        return None
    return found


def _instead(error: FactoryError, order: Order, asked: str | None) -> None:
    """Say that this machine itself is taken, and why. Raises ``error`` where containers were asked for by name."""
    if asked == _CONTAINER:
        raise error
    order.shop.log.say(f"on this machine itself: {'; '.join([error.what, *error.why])}")


def before(order: Order, *, dist: Path | None, memory: int | None, share: float = 1.0) -> Before:
    """Give what holds ``order`` to the disks and the memory that are here; ``dist`` is None where no wheel is made."""
    shop = order.shop
    run = room.Run(
        cells=order.cells,
        rules=order.rules,
        cache=shop.cache,
        dist=dist,
        env=shop.env,
        world=World(),
        installer=context.installer(shop),
        limits=shop.limits,
        share=share,
        memory=memory,
    )
    return partial(room.hold, run, say=shop.log.say)


def yard(order: Order, found: Engine, memory: int | None) -> Yard:
    """Give where containers come from."""
    return Yard(
        engine=found,
        installer=context.installer(order.shop),
        rules=order.rules,
        matrix=context.MATRIX,
        memory=memory,
    )


def kernels_of(cell: Cell, order: Order, place: Yard | None, portion: Portion) -> Tally:
    """Compile the kernel set of ``cell``, or a portion of it, where ``place`` says, None for this machine itself."""
    if place is not None:
        return contained.kernels(cell, place, order.shop, portion, fetch=order.fetch)
    need = need_of(cell, order.rules)
    wanted = context.set_wanted(need, order.rules)
    made = kernels.kernels(wanted, order.shop, portion.shard, fetch=order.fetch, until=portion.until)
    return tally(need, portion.shard, made.origins, order.shop.pool)


def on_host(order: Order, dist: Path) -> Outcome:
    """Build every cell on this machine; give what came of each."""
    installer = context.installer(order.shop)
    wanted = {cell: workbench.wanted(cell, order.rules) for cell in order.cells}
    # What cannot be had must show before hours of compiling, not after; what is small, before what is big.
    for one in wanted.values():
        installer.have_python(one.torch, one.build, one.cell.python)
    for one in wanted.values():
        build.prepare(one, installer)

    def begin(cells: Sequence[Cell]) -> _Begun:
        need = need_of(cells[0], order.rules)
        ready = kernels.kernels(context.set_wanted(need, order.rules), order.shop, fetch=order.fetch)

        def wheel_of(cell: Cell) -> _Wheel:
            make = partial(build.build, wanted[cell], ready, installer=installer, shop=order.shop, dist=dist)
            return _Wheel(make=make, expected=build.expected(wanted[cell], ready, order.shop))

        return _Begun(tally=tally(need, None, ready.origins, order.shop.pool), wheel_of=wheel_of)

    return _by_set(order, begin)


def in_containers(order: Order, place: Yard, dist: Path) -> Outcome:
    """Build every cell in a container of its own, the kernels of a set before that in one; give what came of each."""

    def wheel_of(cell: Cell) -> _Wheel:
        make = partial(wheel.build, cell, place, order.shop, dist=dist)
        return _Wheel(make=make, expected=wheel.expected(cell, place, order.shop))

    def begin(cells: Sequence[Cell]) -> _Begun:
        made = contained.kernels(cells[0], place, order.shop, Portion(), fetch=order.fetch)
        return _Begun(tally=made, wheel_of=wheel_of)

    return _by_set(order, begin)


@dataclass(frozen=True, kw_only=True)
class _Wheel:
    """What makes a wheel, and what the audit holds it to."""

    make: Callable[[], Path]
    expected: Expected


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A kernel set that is compiled, and how the wheel of each of its cells is made."""

    tally: Tally
    wheel_of: Callable[[Cell], _Wheel]


def _by_set(order: Order, begin: Callable[[Sequence[Cell]], _Begun]) -> Outcome:
    """Build set by set; a set that fails takes its own cells along and no others."""
    attempts: list[Attempt] = []
    tallies: list[Tally] = []
    for _, rows in groupby(order.cells, key=lambda cell: need_of(cell, order.rules)):
        cells = list(rows)
        try:
            begun = begin(cells)
        except FactoryError as error:
            attempts += [Attempt(cell=cell, seconds=0, error=error) for cell in cells]
            context.print_error(error)
            continue
        tallies.append(begun.tally)
        attempts += [_attempt(cell, begun.wheel_of(cell), order) for cell in cells]
    return Outcome(attempts=tuple(attempts), tallies=tuple(tallies))


def _attempt(cell: Cell, wanted: _Wheel, order: Order) -> Attempt:
    """Make a wheel and audit it; print what went wrong."""
    began = time.monotonic()
    reports: list[Report] = []
    failure = None
    try:
        audit.run([wanted.make()], expect=lambda _: wanted.expected, say=order.shop.log.say, keep=reports.append)
    except FactoryError as error:
        context.print_error(error)
        failure = error
    return Attempt(cell=cell, seconds=time.monotonic() - began, report=next(iter(reports), None), error=failure)
