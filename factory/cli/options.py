"""What the parsers of several verbs share: options, and words read to values."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from factory.cli.commandline import CommandParser, Verbs
from factory.cli.examples import EXAMPLES
from factory.cli.typed import called
from factory.kernels.shard import Shard
from factory.matrix.arch import Arch
from factory.matrix.model import FULL

NATIVE = "native"
SELECTOR = "A selector is any of: cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64; what is left out means all."
WHOSE = "whose releases (default: where this was installed from, GITHUB_REPOSITORY, or this clone's origin)"
INDEX = "the index to ask (default: the repository's GitHub Pages)"


def add(verbs: Verbs, name: str, run: str, about: str, *, of: str = "") -> CommandParser:
    """Return the parser of the verb ``name``, or of that action ``of`` a verb; ``run`` is where it is in factory.cli.

    ``about`` says what it does, a sentence without its end.
    """
    typed = f"{called(of)} {name}" if of else called(name)
    examples = [f"  {typed} {words}".rstrip() for words in (() if of else EXAMPLES[name])]
    verb = verbs.add_parser(
        name,
        prog=typed,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog="\n".join(["examples:", *examples]) if examples else None,
    )
    verb.set_defaults(run=run)
    return verb


def tell_selector(verb: argparse.ArgumentParser) -> None:
    """Say below its options, before the examples, what a selector is."""
    verb.epilog = "\n\n".join(filter(None, (SELECTOR, verb.epilog)))


def add_selecting(verbs: Verbs, name: str, run: str, about: str, *, of: str = "") -> CommandParser:
    """Return the parser of a verb that takes a selector, a profile and architectures; see ``add``."""
    verb = add(verbs, name, run, about, of=of)
    tell_selector(verb)
    verb.add_argument("selector", nargs="*", metavar="TOKEN", help="which cells: part of a selector, see below")
    add_profile(verb)
    add_archs(verb, "architectures in place of the matrix's: 8.6,8.9+PTX, or native: those of this machine's GPUs")
    return verb


def add_profile(verb: argparse.ArgumentParser) -> None:
    """Add the option of a profile."""
    verb.add_argument("--profile", metavar="NAME", help=f"a profile of matrix.yaml (default: {FULL})")


def add_archs(verb: argparse.ArgumentParser, about: str) -> None:
    """Add the option of architectures."""
    verb.add_argument("--archs", type=archs, metavar="LIST", help=about)


def add_memory(verb: argparse.ArgumentParser) -> None:
    """Add the option of how much memory compiles may use."""
    verb.add_argument(
        "--memory", type=gigabytes, metavar="GB", help="memory for compiles (default: free less a reserve)"
    )


def add_backend(verb: argparse.ArgumentParser, done: str) -> None:
    """Add the option of where kernels or wheels are ``done``."""
    about = f"where they are {done}: in a container of the matrix's image, or on this machine itself"
    verb.add_argument("--backend", choices=("container", "host"), help=f"{about} (default: a container if it can be)")


def add_remote_pool(verb: argparse.ArgumentParser) -> None:
    """Add the option not to ask the repository's releases for kernels."""
    about = "compile what the pool lacks, also where the repository's releases have it"
    verb.add_argument("--no-remote-pool", dest="remote_pool", action="store_false", help=about)


def add_repository(verb: argparse.ArgumentParser) -> None:
    """Add the option of whose releases are meant."""
    verb.add_argument("--repository", metavar="OWNER/NAME", help=WHOSE)


def add_place(verb: argparse.ArgumentParser, option: str, default: str, what: str) -> None:
    """Add the option of a directory."""
    about = f"where {what} (default: {default})"
    verb.add_argument(option, type=Path, default=Path(default), metavar="DIR", help=about)


def shard(text: str) -> Shard:
    """Return the shard that ``text`` names. Raises ArgumentTypeError."""
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def archs(text: str) -> tuple[Arch, ...] | str:
    """Return the architectures that ``text`` lists, or NATIVE. Raises ArgumentTypeError."""
    if text.strip().lower() == NATIVE:
        return NATIVE
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        return tuple(Arch.parse(word) for word in words or [text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def minutes(text: str) -> float:
    """Return minutes. Raises ArgumentTypeError."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes; write it like 280")
    return float(text)


def days(text: str) -> int:
    """Return whole days. Raises ArgumentTypeError."""
    if not text.isdigit() or not text.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days; write it like 7")
    return int(text)


def gigabytes(text: str) -> int:
    """Return the bytes that ``text`` gives in gigabytes. Raises ArgumentTypeError."""
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size in gigabytes; write it like 12 or 7.5")
    return int(size * 1e9)
