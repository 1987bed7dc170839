"""Make what a release of the factory itself holds: the sdist, the wheel, and the text of the release.

The tag has a prefix, for ``v2.8.3`` names a release of flash-attn's wheels in the same repository.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from factory import __version__
from factory.system import process
from project import changelog

TAG = "factory-v"
NOTES = "notes.md"
_ROOT = Path(__file__).parents[1]
_TIMEOUT = 300.0  # seconds


def notes(tag: str, text: str) -> str:
    """Return the text of the release ``tag``, from the changelog's ``text``.

    Raises ValueError where the tag is not of the version that the code says, or the changelog is not ready for it.
    """
    if tag != TAG + __version__:
        raise ValueError(f"the tag {tag!r} is not that of version {__version__}: {TAG}{__version__}")
    return changelog.section(text, __version__)


def build(root: Path, to: Path) -> None:
    """Make the sdist of what is in ``root``, and the wheel out of that sdist, in the directory ``to``.

    The bytes depend on the files and the locked tools alone: hatchling writes times and rights of its own.
    Raises ValueError with the end of what the tools said where one failed.
    """
    # The caller's SOURCE_DATE_EPOCH would go into the files.
    env = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    words: list[str | Path] = [sys.executable, "-m", "build", "--no-isolation", "--outdir", to, root]
    done = process.run(words, env=env, timeout=_TIMEOUT)
    if not done.ok:
        raise ValueError("\n".join([*done.stdout.splitlines(), *done.stderr.splitlines()][-10:]))


def main(argv: Sequence[str] | None = None) -> int:
    """Make it; return 0, or 1 with the reason on standard error."""
    arguments = parser().parse_args(argv)
    try:
        told = notes(arguments.tag, (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        build(_ROOT, arguments.to)
    except ValueError as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    (arguments.to / NOTES).write_text(told, encoding="utf-8")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return what reads its words."""
    made = argparse.ArgumentParser(prog="nox -s release --", description=__doc__.splitlines()[0])
    made.add_argument("--tag", required=True, help=f"the tag it gets: {TAG}{__version__}")
    made.add_argument("--to", type=Path, default=Path("dist/release"), metavar="DIR", help="where it goes")
    return made


if __name__ == "__main__":
    sys.exit(main())
