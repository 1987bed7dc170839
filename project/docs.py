"""Make the documentation's site, from what people wrote and what the code says of itself; warnings are mistakes."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from factory.cli.parser import parser as factory_parser
from factory.data import DATA
from factory.system import process
from project.pages import keys, links, modules, tree, variables, verbs

_ROOT = Path(__file__).parents[1]
_TIMEOUT = 1800.0  # seconds
_CONF = _ROOT / "project" / "pages"


def made() -> dict[str, str]:
    """Return the pages that nobody wrote, by their paths."""
    schema = json.loads((DATA / "matrix.schema.json").read_text(encoding="utf-8"))
    return {
        "matrix.md": keys.page(schema),
        "verbs.md": verbs.page(factory_parser()),
        "variables.md": variables.page(),
        **modules.pages(modules.names(_ROOT)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Make it; return 0, or 1 with what is wrong on standard error."""
    to = parser().parse_args(argv).to
    shutil.rmtree(to, ignore_errors=True)
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory)
        tree.fill(source, _ROOT, made())
        words = ("-b", "html", "-W", "--keep-going", "-q", "-d", source / ".doctrees", "-c", _CONF, source, to)
        done = process.run([sys.executable, "-m", "sphinx", *words], cwd=_ROOT, env=os.environ, timeout=_TIMEOUT)
    wrong = list(links.broken(to))
    sys.stderr.write("".join([done.stdout, done.stderr, *(f"docs: {line}\n" for line in wrong)]))
    return 0 if done.ok and not wrong else 1


def parser() -> argparse.ArgumentParser:
    """Return what reads its words."""
    made = argparse.ArgumentParser(prog="nox -s docs --", description=__doc__.splitlines()[0])
    made.add_argument("--to", type=Path, default=Path("dist/docs"), metavar="DIR", help="where it goes")
    return made


if __name__ == "__main__":
    sys.exit(main())
