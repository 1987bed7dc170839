"""Choose the published wheel for an environment and fetch it, checked by its hash and its attestation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from factory.errors import DigestError, NoWheelError, SelectorError
from factory.github.attestation import Attested
from factory.index.published import Published
from factory.index.resolve import resolve
from factory.index.served.flash_attn_wheel import (
    Environment,
    Probed,
    UnknownTokenError,
    describe,
    lines,
    parse_tokens,
    wanted,
)
from factory.matrix.model import Matrix
from factory.system.paths import child


@dataclass(frozen=True, kw_only=True)
class Edges:
    """What the verb needs of the outside.

    ``python`` is the interpreter in question, at which ``here`` looks; ``fetch`` takes a wheel and its target;
    ``attest`` takes the file and its address.
    """

    python: Callable[[], Path]
    here: Callable[[Path], Probed]
    fetch: Callable[[Published, Path], None]
    attest: Callable[[Path, str], Attested]
    say: Callable[[str], None]


def environment(tokens: Sequence[str], profile: str, edges: Edges, matrix: Matrix) -> Environment:
    """Return the environment the tokens name, or this machine's where they name none.

    Tokens mean the flash-attn that the same ones build: that which ``matrix`` has for their torch. Raises SelectorError
    for a token that is none, and NoWheelError where no wheel can be chosen for this machine, as when there is no torch.
    """
    try:
        named = parse_tokens(tokens)
    except UnknownTokenError as error:
        raise SelectorError(str(error), remedy="Or name none, for what fits this machine.") from error
    if named != Environment(flash_attn=named.flash_attn):
        return replace(named, profile=profile, flash_attn=named.flash_attn or _usual(named.torch, matrix))
    python = edges.python()
    found = edges.here(python)
    if found.trouble:
        raise NoWheelError(
            "this machine does not say which wheel it needs",
            why=[f"{python}: {found.trouble}"],
            remedy="Install torch, name its interpreter with --python, or name the cell: cu124 torch2.6 cp310",
        )
    edges.say(f"here: {python} is {_told(found)}")
    if found.caution:
        edges.say(f"caution: {found.caution}")
    return replace(wanted(tokens, found.environment), profile=profile)


def download(asked: Environment, published: Sequence[Published], *, matrix: Matrix, into: Path, edges: Edges) -> Path:
    """Fetch the wheel that fits ``asked``, say how far it was verified and how to install it, and return its path.

    Raises NoWheelError with the command that would build one; UnreachableError; and DigestError, leaving no file, where
    it is another file or was not built by its repository's workflow.
    """
    wheel = resolve(asked, published, matrix)
    row = wheel.row
    edges.say(f"{wheel.filename}: {describe(row)}")
    if row["python"] in matrix.cautions:
        edges.say(f"caution: {matrix.cautions[row['python']]}")
    target = child(into, wheel.filename)
    edges.fetch(wheel, target)
    try:
        attested = edges.attest(target, wheel.url)
    except DigestError:
        target.unlink()
        raise
    edges.say(f"verified by sha256 {wheel.sha256}")
    edges.say(attested.said)
    edges.say(f"install it: pip install --no-cache-dir '{target}'")
    edges.say(f"or from its address: {lines(row)['uv']}")
    return target


def _usual(torch: str | None, matrix: Matrix) -> str | None:
    """Return the newest flash-attn that is built for ``torch`` without being asked for; None where that is not said."""
    choice = matrix.choices.get(torch or "")
    return max(choice.flash_attn, key=Version) if choice else None


def _told(found: Probed) -> str:
    here = found.environment
    parts = [
        f"Python {here.python}",
        f"torch {found.torch_version} (CUDA {here.cuda}, cxx11abi{str(here.cxx11abi).upper()})",
        f"glibc {here.glibc}" if here.glibc else "no glibc",
        f"GPU {' '.join(here.gpus)}, driver {here.driver}" if here.gpus else "no GPU seen",
    ]
    return ", ".join(parts)
