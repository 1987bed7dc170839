"""Calls the verbs, each with what was typed and the boundaries it needs; gives the exit status."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from itertools import groupby

from factory.cli import backend, context, repository
from factory.core import remaining, selector
from factory.core.errors import SelectorError, UnreachableError, UsageError
from factory.core.model import State
from factory.core.published import Published
from factory.data import DATA
from factory.edge import engine, wheellist
from factory.edge.log import Log
from factory.edge.workshop import Workshop
from factory.verb import audit as audit_verb
from factory.verb import build as build_verb
from factory.verb import gpu_test as gpu_test_verb
from factory.verb import image as image_verb
from factory.verb import kernels as kernels_verb
from factory.verb import lock as lock_verb
from factory.verb import pin as pin_verb
from factory.verb import plan as plan_verb
from factory.verb import pool as pool_verb
from factory.verb import prove as prove_verb
from factory.verb import remotepool as remotepool_verb
from factory.verb import workbench
from factory.verb.kernels import Fetch
from factory.verb.workbench import CellWanted


def plan(arguments: argparse.Namespace) -> int:
    """Show the plan, or say why cells are as they are."""
    rules = context.matrix()
    if (arguments.repository or arguments.index) and not arguments.published:
        raise UsageError("--repository and --index need --published", remedy="Add it, or leave them out.")
    if arguments.why:
        if not arguments.selector:
            raise UsageError("--why needs a selector", remedy="For example: nox -s plan -- --why cu130 torch2.6")
        context.console().print(selector.why(arguments.selector, rules), markup=False, highlight=False, soft_wrap=True)
        return 0
    shop = context.shop(arguments, rules, error_log=arguments.json)
    chosen = context.select(arguments, rules) if arguments.selector else context.expand(arguments, rules)
    if arguments.published:
        chosen = remaining.less_published(chosen, _published(arguments, shop))
    wanted = {State.BUILD, State.ON_REQUEST} if arguments.selector else {State.BUILD}
    built = [row for row in chosen if row.state in wanted]
    try:
        sets = plan_verb.estimates(built, rules, shop)
    except UnreachableError as error:
        shop.log.say(f"no estimate, for the source is not to be had: {error.what}")
        sets = {}
    if arguments.json:
        sys.stdout.write(plan_verb.to_json(chosen, sets, rules) + "\n")
        return 0
    shop.log.table(plan_verb.table(chosen))
    for line in [*plan_verb.images(built, rules), *(plan_verb.summary(sets, len(built), shop) if sets else ())]:
        shop.log.say(line)
    return 0


def _published(arguments: argparse.Namespace, shop: Workshop) -> tuple[Published, ...]:
    index = arguments.index or repository.pages(repository.needed(arguments.repository))
    published = wheellist.former(index)
    shop.log.say(f"published: {len(published)} wheels, says {index}")
    return published


def kernels(arguments: argparse.Namespace) -> int:
    """Compile the selected cells' kernel sets, or one shard of each."""
    rules = context.matrix()
    shop = context.shop(arguments, rules)
    fetch = _fetch(arguments, shop)
    for need in sorted({plan_verb.need_of(row.cell, rules) for row in context.select(arguments, rules)}):
        shop.log.say(f"kernel set {need}")
        made = kernels_verb.kernels(context.set_wanted(need, rules), shop, arguments.shard, fetch=fetch)
        shop.log.say(f"done: {made.compiled} units compiled now")
    return 0


def build(arguments: argparse.Namespace) -> int:
    """Build and audit the selected cells, set by set; a cell that fails does not keep the others from being built."""
    rules = context.matrix()
    shop = context.shop(arguments, rules)
    chosen = sorted(context.select(arguments, rules), key=lambda row: (plan_verb.need_of(row.cell, rules), row.cell))
    order = backend.Order(
        cells=tuple(row.cell for row in chosen),
        rules=rules,
        shop=shop,
        dist=arguments.dist,
        fetch=_fetch(arguments, shop),
    )
    engine = backend.engine(order, arguments.backend)
    failures = backend.on_host(order) if engine is None else backend.in_containers(order, engine, arguments.memory)
    if len(chosen) > 1:
        shop.log.say(f"{len(chosen) - len(failures)} of {len(chosen)} wheels built")
    return failures[0].status if failures else 0


def _fetch(arguments: argparse.Namespace, shop: Workshop) -> Fetch | None:
    """Give what brings published kernels, None where that was not wanted or no repository is known."""
    remote = repository.remote_pool() if arguments.remote_pool else None
    return None if remote is None else partial(remotepool_verb.take, remote=remote, shop=shop)


def prove(arguments: argparse.Namespace) -> int:
    """Compare both ways for each selected kernel set, and keep the proofs."""
    rules = context.matrix()
    shop = context.shop(arguments, rules)
    installer = context.installer(shop)
    chosen = sorted(context.select(arguments, rules), key=lambda row: plan_verb.need_of(row.cell, rules))
    for need, rows in groupby(chosen, key=lambda row: plan_verb.need_of(row.cell, rules)):
        wanted = min((workbench.wanted(row.cell, rules) for row in rows), key=_handiest)
        plain = prove_verb.Plain(
            torch=wanted.torch, cell=wanted.cell, environment=build_verb.prepare(wanted, installer)
        )
        shop.log.say(f"kernel set {need}")
        proof = prove_verb.prove(context.set_wanted(need, rules), plain, shop, whole=arguments.all)
        path = DATA / "proofs" / f"{proof.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(proof.to_json())
        shop.log.say(f"the same, kernel by kernel, in {len(proof.units)} units: {path}")
    return 0


def pool_export(arguments: argparse.Namespace) -> int:
    """Write kernel sets as archives."""
    needs, shop = _pool_needs(arguments)
    pool_verb.export(pool_verb.matching(shop.pool, needs), arguments.to, shop)
    return 0


def pool_import(arguments: argparse.Namespace) -> int:
    """Take kernel sets out of archives."""
    pool_verb.take(arguments.archives, context.shop(arguments, context.matrix()))
    return 0


def pool_verify(arguments: argparse.Namespace) -> int:
    """Check every object of the pool."""
    pool_verb.verify(context.shop(arguments, context.matrix()))
    return 0


def pool_prune(arguments: argparse.Namespace) -> int:
    """Free the pool's space."""
    needs, shop = _pool_needs(arguments)
    pool_verb.prune(None if needs is None else pool_verb.matching(shop.pool, needs), shop)
    return 0


def _pool_needs(arguments: argparse.Namespace) -> tuple[set[plan_verb.KernelNeed] | None, Workshop]:
    rules = context.matrix()
    shop = context.shop(arguments, rules)
    if arguments.selector:
        return {plan_verb.need_of(row.cell, rules) for row in context.select(arguments, rules)}, shop
    if arguments.profile or arguments.archs:
        raise UsageError(
            "--profile and --archs need a selector", remedy="For example: nox -s pool -- export cu124 --profile smoke"
        )
    return None, shop


def _handiest(wanted: CellWanted) -> tuple[bool, bool]:
    """Prefer a torch from the index everyone uses, and the Python that runs this."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return wanted.build.index_url is not None, wanted.cell.python != here


def audit(arguments: argparse.Namespace) -> int:
    """Check finished wheels."""
    audit_verb.run(arguments.wheels, say=Log(context.console()).say)
    return 0


def gpu_test(arguments: argparse.Namespace) -> int:
    """Try a finished wheel on this machine's GPU."""
    if arguments.install and arguments.python:
        raise UsageError("--python needs --no-install", remedy="An installed wheel gets the Python of its own name.")
    rules = context.matrix()
    shop = context.shop(arguments, rules)
    stage = (
        gpu_test_verb.clean(rules, context.installer(shop), shop)
        if arguments.install
        else gpu_test_verb.borrowed(arguments.python, shop)
    )
    seed = {} if arguments.seed is None else {"seed": arguments.seed}
    wanted = gpu_test_verb.Wanted(wheel=arguments.wheel, beside=arguments.beside, **seed)
    gpu_test_verb.gpu_test(wanted, rules=rules, shop=shop, stage=stage)
    return 0


def image(arguments: argparse.Namespace) -> int:
    """Make a builder image."""
    rules = context.matrix()
    toolkits = {row.token: row for row in rules.toolkits.values()}
    if arguments.cuda not in toolkits:
        known = ", ".join(toolkits)
        raise SelectorError(f"there is no {arguments.cuda} in matrix.yaml", remedy=f"Name one of {known}.")
    version = toolkits[arguments.cuda].version
    shop = context.shop(arguments, rules)
    name = image_verb.image(version, shop, engine.find(shop.env))
    shop.log.say(f"made {name}; to build in it, write that name into matrix.yaml under cuda, {version}, image")
    return 0


def pin(_arguments: argparse.Namespace) -> int:
    """Write the images' digests."""
    pin_verb.pin(context.MATRIX, env=dict(os.environ), say=Log(context.console()).say)
    return 0


def lock(_arguments: argparse.Namespace) -> int:
    """Write the lock files anew."""
    lock_verb.lock(context.matrix(), locks=DATA / "locks", env=dict(os.environ), say=Log(context.console()).say)
    return 0
