"""Where wheels are built: in containers where an engine answers, else on this machine itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from factory.cli import context
from factory.core.errors import FactoryError
from factory.core.model import Cell, Matrix
from factory.core.wheel.facts import Expected
from factory.edge import engine as engines
from factory.edge import image
from factory.edge.engine import Engine
from factory.edge.workshop import Workshop
from factory.verb import audit, build, container, kernels, workbench
from factory.verb.kernels import Fetch
from factory.verb.plan import need_of

_CONTAINER = "container"
_HOST = "host"


@dataclass(frozen=True, kw_only=True)
class Order:
    """The cells to build, those of one kernel set side by side, and where the wheels go.

    ``fetch`` brings published kernels, None for none.
    """

    cells: tuple[Cell, ...]
    rules: Matrix
    shop: Workshop
    dist: Path
    fetch: Fetch | None = None


def engine(order: Order, asked: str | None) -> Engine | None:
    """Give the engine to build with, None for this machine itself.

    Raises what is wrong with the engine or an image when containers were ``asked`` for by name; else says so.
    """
    if asked == _HOST:
        return None
    try:
        found = engines.find(order.shop.env)
        for used in dict.fromkeys(container.image_of(cell, order.rules) for cell in order.cells):
            image.ensure(used, found, order.shop.log.say)
    except FactoryError as error:
        if asked == _CONTAINER:
            raise
        order.shop.log.say(f"building on this machine itself: {'; '.join([error.what, *error.why])}")
        return None
    return found


def on_host(order: Order) -> list[FactoryError]:
    """Build every cell on this machine; give the failures."""
    installer = context.installer(order.shop)
    wanted = [workbench.wanted(cell, order.rules) for cell in order.cells]
    for one in wanted:
        # What cannot be had must show before hours of compiling, not after.
        build.prepare(one, installer)
    failures: list[FactoryError] = []
    for need, rows in groupby(wanted, key=lambda one: need_of(one.cell, order.rules)):
        of_set = list(rows)
        try:
            ready = kernels.kernels(context.set_wanted(need, order.rules), order.shop, fetch=order.fetch)
        except FactoryError as error:
            failures += [error] * len(of_set)
            context.print_error(error)
            continue
        for one in of_set:
            failures += _attempt(
                partial(build.build, one, ready, installer=installer, shop=order.shop, dist=order.dist),
                build.expected(one, ready, order.shop),
                order,
            )
    return failures


def in_containers(order: Order, found: Engine, memory: int | None) -> list[FactoryError]:
    """Build every cell in a container of its own; give the failures."""
    if order.fetch is not None:
        # A set is named by the compiler and the toolkit it is made with. Those of the image are known only inside,
        # and inside nothing is fetched: what the host could name here is its own set, which is of no use there.
        order.shop.log.say("kernels: not fetched, for only inside its image is known which ones a container needs")
    yard = container.Yard(
        engine=found,
        installer=context.installer(order.shop),
        rules=order.rules,
        matrix=context.MATRIX,
        memory=memory,
    )
    return [
        failure
        for cell in order.cells
        for failure in _attempt(
            partial(container.build, cell, yard, order.shop, dist=order.dist),
            container.expected(cell, yard, order.shop),
            order,
        )
    ]


def _attempt(make: Callable[[], Path], expected: Expected, order: Order) -> list[FactoryError]:
    """Make a wheel and audit it; print and give what went wrong."""
    try:
        audit.run([make()], expect=lambda _: expected, say=order.shop.log.say)
    except FactoryError as error:
        context.print_error(error)
        return [error]
    return []
