"""Reads what was typed: verbs, selectors, options."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from factory.kernels.shard import Shard
from factory.matrix.arch import Arch
from factory.matrix.model import FULL as PROFILE

_EPILOG = "A selector is any of: cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64; what is left out means all."
_WHOSE = "whose releases (default: GITHUB_REPOSITORY, else this clone's origin)"
_INDEX = "the index to ask (default: the repository's GitHub Pages)"


def parser() -> argparse.ArgumentParser:
    """Return the parser; what it parses has the verb to run as ``run``, by its place in ``factory.cli``."""
    made = argparse.ArgumentParser(prog="factory", description="Builds flash-attn wheels.", epilog=_EPILOG)
    verbs = made.add_subparsers(required=True, metavar="VERB")

    one = _add(
        verbs, "plan", "planning:plan", "say what would be built, what would not and why, and what it would take"
    )
    one.add_argument("--json", action="store_true", help="print the plan as JSON, for programs")
    one.add_argument("--why", action="store_true", help="say why the selected cells are, or are not, built")
    one.add_argument("--published", action="store_true", help="take away what an index lists as published")
    one.add_argument("--repository", metavar="OWNER/NAME", help=f"with --published, {_WHOSE}")
    one.add_argument("--index", metavar="URL", help=f"with --published, {_INDEX}")
    about = "say only what changes against the plan of another matrix.yaml"
    one.add_argument("--against", type=Path, metavar="FILE", help=about)
    one.add_argument("--jobs", type=Path, metavar="FILE", help="add the workflow's matrices to FILE, as NAME=JSON")

    one = _add(
        verbs, "kernels", "building:kernels", "compile the selected cells' kernels into the pool; no torch, no GPU"
    )
    one.add_argument("--shard", type=_shard, metavar="K/N", help="only the K-th of N shares of each kernel set")
    _add_backend(one, "compiled")
    one.add_argument("--minutes", type=_minutes, metavar="N", help="end after N minutes, finished or not")
    about = "with --minutes, add left=UNITS to FILE, and let it not be an error if some are"
    one.add_argument("--outcome", type=Path, metavar="FILE", help=about)
    _add_remote_pool(one)

    one = _add(verbs, "build", "building:build", "build, audit and report the selected cells' wheels")
    one.add_argument("--dist", type=Path, default=Path("dist"), metavar="DIR", help="where wheels go (default: dist)")
    _add_backend(one, "built")
    _add_remote_pool(one)

    _add_comparing(verbs)
    _add_pool(verbs)

    about = "make a builder image of Debian's packages and this machine's Pythons, where no registry can be reached"
    one = verbs.add_parser("image", help=about, description=_sentence(about))
    one.add_argument("cuda", metavar="CUDA", help="which CUDA: cu124")
    one.set_defaults(run="making:image", memory=None)

    about = "ask the registries for the digests of the matrix's images and write them into matrix.yaml"
    one = verbs.add_parser("pin", help=about, description=_sentence(about))
    one.set_defaults(run="making:pin")

    about = "write the lock files of the cells' environments anew; needs uv and the package index"
    one = verbs.add_parser("lock", help=about, description=_sentence(about))
    one.set_defaults(run="making:lock")

    _add_audit(verbs)
    about = "try a finished wheel on this machine's GPU and write WHEEL.verdict.json beside it"
    one = verbs.add_parser("gpu_test", help=about, description=_sentence(about))
    one.add_argument("wheel", type=Path, metavar="WHEEL", help="a .whl file")
    about = "install nothing: use the torch of a Python that is here"
    one.add_argument("--no-install", dest="install", action="store_false", help=about)
    about = "with --no-install, which Python (default: the first python3 on PATH that has torch)"
    one.add_argument("--python", type=Path, metavar="PATH", help=about)
    one.add_argument("--seed", type=int, metavar="N", help="of all random inputs (default: a new one, in the verdict)")
    one.add_argument("--beside", type=Path, metavar="WHEEL", help="time it beside this one, built another way")
    one.set_defaults(run="gputest:gpu_test", memory=None)

    _add_help(verbs)
    _add_release(verbs)
    return made


def read(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return ``argv`` parsed; an argument may hold several tokens of a selector, or none, as one that a workflow got
    may.

    Raises SystemExit (argparse's) with status 2 for what is not understood.
    """
    arguments = parser().parse_args(argv, argparse.Namespace(dry_run=False))
    if "selector" in arguments:
        arguments.selector = " ".join(arguments.selector).split()
    return arguments


def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: str,
    about: str,
) -> argparse.ArgumentParser:
    verb = _add_selecting(verbs, name, run, about)
    verb.add_argument("--memory", type=_bytes, metavar="GB", help="memory for compiles (default: free less a reserve)")
    return verb


def _add_selecting(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: str,
    about: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=about, description=_sentence(about), epilog=_EPILOG)
    about = "which cells: part of a selector, see below"
    verb.add_argument("selector", nargs="*", metavar="TOKEN", help=about)
    verb.add_argument("--profile", metavar="NAME", help=f"a profile of matrix.yaml (default: {PROFILE})")
    verb.add_argument(
        "--archs", type=_archs, metavar="LIST", help="architectures in place of the matrix's: 8.6,8.9+PTX"
    )
    verb.set_defaults(run=run)
    return verb


def _add_comparing(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "compile a sample of the selected cells' kernels upstream's way too, and compare the machine code"
    one = _add(verbs, "prove", "building:prove", about)
    one.add_argument("--all", action="store_true", help="every unit, not a sample")

    about = "make a wheel again from its report, or a share of a kernel set, and compare the bytes"
    one = verbs.add_parser("reproduce", help=about, description=_sentence(about), epilog=_EPILOG)
    about = "a .whl file with its report beside it; with --shard, a selector, see below"
    one.add_argument("what", nargs="+", metavar="WHEEL", help=about)
    about = "not a wheel, but the K-th of N shares of each selected kernel set"
    one.add_argument("--shard", type=_shard, metavar="K/N", help=about)
    one.add_argument("--json", action="store_true", help="with --shard, a line of JSON for each set")
    one.add_argument("--profile", metavar="NAME", help="with --shard, a profile of matrix.yaml")
    one.add_argument("--archs", type=_archs, metavar="LIST", help="with --shard, other architectures")
    _add_backend(one, "compiled")
    one.add_argument("--memory", type=_bytes, metavar="GB", help="memory for compiles (default: free less a reserve)")
    _add_remote_pool(one)
    one.set_defaults(run="reproduction:reproduce")


def _add_backend(verb: argparse.ArgumentParser, done: str) -> None:
    about = f"where they are {done}: in a container of the matrix's image, or on this machine itself"
    verb.add_argument("--backend", choices=("container", "host"), help=f"{about} (default: a container if it can be)")


def _add_remote_pool(verb: argparse.ArgumentParser) -> None:
    about = "compile what the pool lacks, also where the repository's releases have it"
    verb.add_argument("--no-remote-pool", dest="remote_pool", action="store_false", help=about)


def _add_pool(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "carry kernel sets between pools, check a pool, free its space"
    verb = verbs.add_parser("pool", help=about, description=_sentence(about))
    verb.set_defaults(memory=None)
    actions = verb.add_subparsers(required=True, metavar="ACTION")

    about = "write the selected cells' kernel sets, or all, as archives that GitHub takes"
    one = _add_selecting(actions, "export", "poolcall:export_sets", about)
    one.add_argument("--to", type=Path, default=Path("dist"), metavar="DIR", help="where they go (default: dist)")

    about = "take what the pool lacks out of archives"
    one = actions.add_parser("import", help=about, description=_sentence(about))
    one.add_argument("archives", nargs="+", type=Path, metavar="FILE", help="a .tar.zst file that export wrote")
    about = "only archives that `gh` finds to be compiled by this repository's own workflow, on the same branch"
    one.add_argument("--attested", action="store_true", help=about)
    one.set_defaults(run="poolcall:import_archives")

    about = "read every object, remove damaged ones, say what is here of each set"
    one = actions.add_parser("verify", help=about, description=_sentence(about))
    one.set_defaults(run="poolcall:verify")

    about = "remove the selected cells' kernel sets, or only what belongs to no set"
    _add_selecting(actions, "prune", "poolcall:prune", about)


def _add_audit(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "check finished wheels and write WHEEL.report.json beside each"
    one = verbs.add_parser("audit", help=about, description=_sentence(about))
    one.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="a .whl file")
    one.set_defaults(run="audit:audit")


def _add_help(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_doctor(verbs)
    _add_diagnose(verbs)


def _add_doctor(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "check this machine against a cell (default: the newest that fits it)"
    one = _add_selecting(verbs, "doctor", "machine:doctor", about)
    about = "check what building by hand takes, of that cell (default: of the guide's recommended environment)"
    one.add_argument("--guide", action="store_true", help=about)
    about = "check the repository's settings: who reaches its machines and releases (GITHUB_TOKEN of an owner)"
    one.add_argument("--github", action="store_true", help=about)
    one.add_argument("--json", action="store_true", help="print what was found as JSON, for programs")


def _add_diagnose(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "say why a build failed, from its log, and what to type next"
    one = verbs.add_parser("diagnose", help=about, description=_sentence(about), epilog=_EPILOG)
    one.add_argument("file", nargs="?", metavar="FILE", help="a log, or - for standard input (default: the newest one)")
    one.add_argument("selector", nargs="*", metavar="TOKEN", help="which cell was built (default: what the log says)")
    one.add_argument("--profile", metavar="NAME", help=f"a profile of matrix.yaml (default: {PROFILE})")
    one.set_defaults(run="diagnosis:diagnose", archs=None, memory=None)


def _add_release(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "put audited and tested wheels, with what lies beside them, into GitHub releases"
    one = _add_of_repository(verbs, "publish", "release:publish", about)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .whl file, or with --pools a .tar.zst one")
    one.add_argument("--dry-run", action="store_true", help="say exactly what would be done, and do nothing")
    one.add_argument("--pools", action="store_true", help="the files are kernels that `pool export` wrote")
    about = "publish the wheels that may be, where others may not"
    one.add_argument("--partial", action="store_true", help=about)
    about = "only what `gh` finds to be built by this repository's own workflow"
    one.add_argument("--attested", action="store_true", help=about)

    about = "write a static site of the releases that pip and uv install from and people can read"
    one = _add_of_repository(verbs, "index", "release:index", about)
    one.add_argument("--out", type=Path, default=Path("site"), metavar="DIR", help="where it goes (default: site)")
    about = "the index that this one takes the place of (default: the repository's GitHub Pages)"
    one.add_argument("--previous", metavar="URL", help=about)
    one.add_argument("--allow-shrink", action="store_true", help="wheels of the former index may be missing")
    one.add_argument("--mirror", action="store_true", help="fetch the wheels too, for use without a network")

    about = "look for new releases, CUDA images and actions, and open one issue for each with the lines it takes"
    one = _add_of_repository(verbs, "update", "update:update", about)
    one.add_argument("--dry-run", action="store_true", help="print the issues that would be opened, and open none")

    about = "fetch the published wheel that fits this machine, or the cell that is named"
    one = _add_of_repository(verbs, "download", "fetching:download", about)
    one.epilog = _EPILOG
    about = "cu124 torch2.6 cp310 ... (default: this machine)"
    one.add_argument("selector", nargs="*", metavar="TOKEN", help=about)
    one.add_argument("--index", metavar="URL", help=_INDEX)
    one.add_argument("--profile", metavar="NAME", help=f"a profile of matrix.yaml (default: {PROFILE})")
    one.add_argument("--python", type=Path, metavar="PATH", help="whose torch it is for (default: python on PATH)")
    one.add_argument("--to", type=Path, default=Path("dist"), metavar="DIR", help="where it goes (default: dist)")


def _add_of_repository(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: str,
    about: str,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=about, description=_sentence(about))
    verb.add_argument("--repository", metavar="OWNER/NAME", help=_WHOSE)
    verb.set_defaults(run=run)
    return verb


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _sentence(about: str) -> str:
    return f"{about[0].upper()}{about[1:]}."


def _archs(text: str) -> tuple[Arch, ...]:
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        return tuple(Arch.parse(word) for word in words or [text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _minutes(text: str) -> float:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes; write it like 280")
    return float(text)


def _bytes(text: str) -> int:
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in gigabytes; write it like 12 or 7.5")
    return int(size * 1e9)
