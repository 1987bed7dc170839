"""Reads the words of the verbs that deal with what is published, and with what is new."""

from __future__ import annotations

from pathlib import Path

from factory.cli import options
from factory.cli.commandline import Verbs


def add_verbs(verbs: Verbs) -> None:
    """Add them all."""
    _publish(verbs)
    _index(verbs)

    about = (
        "look for new releases, CUDA images, actions and packages, and open an issue for each with the lines it takes"
    )
    one = options.add(verbs, "update", "update:update", about)
    options.add_repository(one)
    one.add_argument("--dry-run", action="store_true", help="print the issues that would be opened, and open none")

    about = "fetch the published wheel that fits this machine, or the cell that is named"
    one = options.add(verbs, "download", "fetching:download", about)
    options.tell_selector(one)
    options.add_repository(one)
    about = "cu124 torch2.6 cp310 ... (default: this machine)"
    one.add_argument("selector", nargs="*", metavar="TOKEN", help=about)
    one.add_argument("--index", metavar="URL", help=options.INDEX)
    options.add_profile(one)
    one.add_argument("--python", type=Path, metavar="PATH", help="whose torch it is for (default: python on PATH)")
    options.add_place(one, "--to", "dist", "it goes")


def _publish(verbs: Verbs) -> None:
    about = "put audited and tested wheels, with what lies beside them, into GitHub releases"
    one = options.add(verbs, "publish", "release:publish", about)
    options.add_repository(one)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a .whl file, or with --pools a .tar.zst one")
    one.add_argument("--dry-run", action="store_true", help="say exactly what would be done, and do nothing")
    one.add_argument("--pools", action="store_true", help="the files are kernels that `pool export` wrote")
    about = "publish the wheels that may be, where others may not"
    one.add_argument("--partial", action="store_true", help=about)
    about = "only what `gh` finds to be built by this repository's own workflow"
    one.add_argument("--attested", action="store_true", help=about)


def _index(verbs: Verbs) -> None:
    about = "write a static site of the releases that pip and uv install from and people can read"
    one = options.add(verbs, "index", "release:index", about)
    options.add_repository(one)
    options.add_place(one, "--out", "site", "it goes")
    about = "the index that this one takes the place of (default: the repository's GitHub Pages)"
    one.add_argument("--previous", metavar="URL", help=about)
    one.add_argument("--allow-shrink", action="store_true", help="wheels of the former index may be missing")
    about = "the page of the workflow run that writes it, which the status page links"
    one.add_argument("--run", dest="run_page", metavar="URL", help=about)
    about = "what became of that run's jobs: a file with GitHub's toJSON(needs)"
    one.add_argument("--needs", type=Path, metavar="FILE", help=about)
    one.add_argument("--mirror", action="store_true", help="fetch the wheels too, for use without a network")
