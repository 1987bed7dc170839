"""The command line: ``python -m factory VERB ...``; nox sessions of the same names call it.

Reads what was typed, hands the verbs their boundaries, prints errors, chooses the exit status.
"""

from __future__ import annotations

import argparse
import errno
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from factory.core import cells, matrix, selector
from factory.core.arch import Arch
from factory.core.errors import DiskFullError, FactoryError, MatrixError, SelectorError, UnreachableError, UsageError
from factory.core.model import Matrix, Planned, State
from factory.core.wheel.facts import Expected
from factory.data import DATA
from factory.edge import interpreter, workshop
from factory.edge.cache import cache_root, writable
from factory.edge.environment import Installer
from factory.edge.log import Log
from factory.edge.workshop import Workshop
from factory.verb import audit, build, kernels, lock, plan

_INTERRUPTED = 130
_PLAIN_WIDTH = 160  # characters
_EPILOG = "A selector is any of: cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64; what is left out means all."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and give its exit status."""
    arguments = _parser().parse_args(argv)
    verb: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return verb(arguments)
    except FactoryError as error:
        _print_error(error)
        return error.status
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        failure = DiskFullError if full else FactoryError
        _print_error(failure(str(error), remedy="Free some space, then again." if full else "Mend that, then again."))
        return failure.status
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what is finished is kept, the same command goes on from here\n")
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="factory", description="Builds flash-attn wheels.", epilog=_EPILOG)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    one = _add(verbs, "plan", _plan, "say what would be built, what would not and why, and what it would take")
    one.add_argument("--json", action="store_true", help="print the plan as JSON, for programs")
    one.add_argument("--why", action="store_true", help="say why the selected cells are, or are not, built")

    _add(verbs, "kernels", _kernels, "compile the selected cells' kernels into the pool; no torch, no GPU")

    one = _add(verbs, "build", _build, "build, audit and report the selected cells' wheels")
    one.add_argument("--dist", type=Path, default=Path("dist"), metavar="DIR", help="where wheels go (default: dist)")

    about = "write the lock files of the cells' environments anew; needs uv and the package index"
    one = verbs.add_parser("lock", help=about, description=_sentence(about))
    one.set_defaults(run=_lock)

    about = "check finished wheels and write WHEEL.report.json beside each"
    one = verbs.add_parser("audit", help=about, description=_sentence(about))
    one.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="a .whl file")
    one.set_defaults(run=_audit)
    return parser


def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    about: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=about, description=_sentence(about), epilog=_EPILOG)
    verb.add_argument("selector", nargs="*", metavar="TOKEN", help="which cells: part of a selector, see below")
    verb.add_argument("--profile", default="full", metavar="NAME", help="full, inference or smoke (default: full)")
    verb.add_argument(
        "--archs", type=_archs, metavar="LIST", help="architectures in place of the matrix's: 8.6,8.9+PTX"
    )
    verb.add_argument("--memory", type=_bytes, metavar="GB", help="memory for compiles (default: free less a reserve)")
    verb.set_defaults(run=run)
    return verb


def _sentence(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}."


def _archs(text: str) -> tuple[Arch, ...]:
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        return tuple(Arch.parse(word) for word in words or [text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _bytes(text: str) -> int:
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in gigabytes; write it like 12 or 7.5")
    return int(size * 1e9)


def _plan(arguments: argparse.Namespace) -> int:
    rules = _matrix()
    if arguments.why:
        if not arguments.selector:
            raise UsageError("--why needs a selector", remedy="For example: nox -s plan -- --why cu130 torch2.6")
        _console().print(selector.why(arguments.selector, rules), markup=False, highlight=False, soft_wrap=True)
        return 0
    shop = _shop(arguments, rules, error_log=arguments.json)
    chosen = _select(arguments, rules) if arguments.selector else _expand(arguments, rules)
    built = [row for row in chosen if row.state is State.BUILD or arguments.selector]
    try:
        sets = plan.estimates(built, rules, shop)
    except UnreachableError as error:
        shop.log.say(f"no estimate, for the source is not to be had: {error.what}")
        sets = {}
    if arguments.json:
        sys.stdout.write(plan.to_json(chosen, sets, rules) + "\n")
        return 0
    shop.log.table(plan.table(chosen))
    for line in plan.summary(sets, len(built), shop) if sets else []:
        shop.log.say(line)
    return 0


def _kernels(arguments: argparse.Namespace) -> int:
    rules = _matrix()
    shop = _shop(arguments, rules)
    for need in sorted({plan.need_of(row.cell, rules) for row in _select(arguments, rules)}):
        shop.log.say(f"kernel set {need}")
        made = kernels.kernels(_set_wanted(need, rules), shop)
        shop.log.say(f"kernel set complete: {len(made.objects)} units, {made.compiled} compiled now")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    rules = _matrix()
    shop = _shop(arguments, rules)
    installer = Installer(
        cache=shop.cache,
        env=shop.env,
        interpreter=lambda version: interpreter.find(version, shop.env),
        say=shop.log.say,
    )
    chosen = sorted(_select(arguments, rules), key=lambda row: (plan.need_of(row.cell, rules), row.cell))
    for row in chosen:
        # What cannot be had must show before hours of compiling, not after.
        build.prepare(build.wanted(row.cell, rules), installer)
    made: dict[Path, Expected] = {}
    for row in chosen:
        ready = kernels.kernels(_set_wanted(plan.need_of(row.cell, rules), rules), shop)
        wanted = build.wanted(row.cell, rules)
        wheel = build.build(wanted, ready, installer=installer, shop=shop, dist=arguments.dist)
        made[wheel] = build.expected(wanted, ready, shop)
        audit.run([wheel], expect=made.get, say=shop.log.say)
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    audit.run(arguments.wheels, say=Log(_console()).say)
    return 0


def _lock(_arguments: argparse.Namespace) -> int:
    lock.lock(_matrix(), locks=DATA / "locks", env=dict(os.environ), say=Log(_console()).say)
    return 0


def _matrix() -> Matrix:
    path = Path("matrix.yaml")
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MatrixError("there is no matrix.yaml here", remedy="Run this in the repository's root.") from error
    except OSError as error:
        raise MatrixError("matrix.yaml cannot be read", why=[str(error)]) from error
    return matrix.load(content, name=path.name)


def _expand(arguments: argparse.Namespace, rules: Matrix) -> tuple[Planned, ...]:
    return cells.expand(rules, profile=arguments.profile, archs=arguments.archs)


def _select(arguments: argparse.Namespace, rules: Matrix) -> tuple[Planned, ...]:
    if not arguments.selector:
        raise SelectorError(
            "no cell is named", remedy="Name one, such as `cu124 torch2.6 cp310`; `nox -s plan` lists them."
        )
    return selector.select(_expand(arguments, rules), selector.parse(arguments.selector, rules))


def _set_wanted(need: plan.KernelNeed, rules: Matrix) -> kernels.SetWanted:
    return kernels.SetWanted(
        flash_attn=rules.flash_attn[need.flash_attn],
        toolkit=rules.toolkits[need.cuda],
        archs=need.archs,
        profile=rules.profiles[need.profile],
        kernel_class=workshop.kernel_class(need.kernel_class),
    )


def _shop(arguments: argparse.Namespace, rules: Matrix, *, error_log: bool = False) -> Workshop:
    env = dict(os.environ)
    return Workshop(
        cache=writable(cache_root(env)),
        env=env,
        log=Log(_console(stderr=error_log)),
        limits=workshop.limits(env, max_jobs=rules.max_jobs, memory=arguments.memory),
    )


def _console(*, stderr: bool = False) -> Console:
    """Give a console; where no terminal says how wide it is, lines are long enough for a table of cells."""
    made = Console(stderr=stderr)
    return made if made.is_terminal else Console(stderr=stderr, width=_PLAIN_WIDTH)


def _print_error(error: FactoryError) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"error: {error.what}", style="bold red", markup=False)
    for line in error.why:
        console.print(f"  {line}", markup=False)
    if error.remedy:
        console.print(error.remedy, style="bold", markup=False)


if __name__ == "__main__":
    sys.exit(main())
