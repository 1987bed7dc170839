"""Reads the words of the verbs that plan and compile."""

from __future__ import annotations

from pathlib import Path

from factory.cli import options
from factory.cli.commandline import Verbs
from factory.system import cooldown


def add_verbs(verbs: Verbs) -> None:
    """Add them all."""
    _plan(verbs)
    _kernels(verbs)
    about = "build, audit and report the selected cells' wheels"
    one = options.add_selecting(verbs, "build", "building:build", about)
    options.add_memory(one)
    options.add_place(one, "--dist", "dist", "wheels go")
    options.add_backend(one, "built")
    options.add_remote_pool(one)
    _pool(verbs)

    about = "make a builder image of Debian's packages and this machine's Pythons, where no registry can be reached"
    one = options.add(verbs, "image", "making:image", about)
    one.add_argument("cuda", metavar="CUDA", help="which CUDA: cu124")
    one.set_defaults(memory=None)

    about = "ask the registries for the digests of the matrix's images and write them into matrix.yaml"
    options.add(verbs, "pin", "making:pin", about)
    about = "write the lock files of cells' environments and the project's own anew; needs uv and the package index"
    one = options.add(verbs, "lock", "making:lock", about)
    about = f"how long the index must have had a file for it to be taken (default: {cooldown.DAYS}; 0: all are)"
    one.add_argument("--cooldown", type=options.days, default=cooldown.DAYS, metavar="DAYS", help=about)


def _plan(verbs: Verbs) -> None:
    about = "say what would be built, what would not and why, and what it would take"
    one = options.add_selecting(verbs, "plan", "planning:plan", about)
    options.add_memory(one)
    one.add_argument("--json", action="store_true", help="print the plan as JSON, for programs")
    one.add_argument("--all", action="store_true", help="a row for each cell, also those that are not built")
    one.add_argument("--why", action="store_true", help="say why the selected cells are, or are not, built")
    one.add_argument("--published", action="store_true", help="take away what an index lists as published")
    one.add_argument("--repository", metavar="OWNER/NAME", help=f"with --published, {options.WHOSE}")
    one.add_argument("--index", metavar="URL", help=f"with --published, {options.INDEX}")
    about = "say only what changes against the plan of another matrix.yaml"
    one.add_argument("--against", type=Path, metavar="FILE", help=about)
    one.add_argument("--jobs", type=Path, metavar="FILE", help="add the workflow's matrices to FILE, as NAME=JSON")


def _kernels(verbs: Verbs) -> None:
    about = "compile the selected cells' kernels into the pool; no torch, no GPU"
    one = options.add_selecting(verbs, "kernels", "building:kernels", about)
    options.add_memory(one)
    one.add_argument("--shard", type=options.shard, metavar="K/N", help="only the K-th of N shares of each kernel set")
    options.add_backend(one, "compiled")
    one.add_argument("--minutes", type=options.minutes, metavar="N", help="end after N minutes, finished or not")
    about = "with --minutes, add left=UNITS to FILE, and let it not be an error if some are"
    one.add_argument("--outcome", type=Path, metavar="FILE", help=about)
    options.add_remote_pool(one)


def _pool(verbs: Verbs) -> None:
    about = "carry kernel sets between pools, check a pool, free its space"
    verb = options.add(verbs, "pool", "", about)
    verb.set_defaults(memory=None)
    actions = verb.open_verbs("ACTION", {"actions": ("export", "import", "verify", "prune")})

    about = "write the selected cells' kernel sets, or all, as archives that GitHub takes"
    one = options.add_selecting(actions, "export", "poolcall:export_sets", about, of="pool")
    options.add_place(one, "--to", "dist", "they go")

    about = "take what the pool lacks out of archives"
    one = options.add(actions, "import", "poolcall:import_archives", about, of="pool")
    one.add_argument("archives", nargs="+", type=Path, metavar="FILE", help="a .tar.zst file that export wrote")
    about = "only archives that `gh` finds to be compiled by this repository's own workflow, on the same branch"
    one.add_argument("--attested", action="store_true", help=about)

    about = "read every object, remove damaged ones, say what is here of each set"
    options.add(actions, "verify", "poolcall:verify", about, of="pool")

    about = "remove the selected cells' kernel sets, or only what belongs to no set"
    options.add_selecting(actions, "prune", "poolcall:prune", about, of="pool")
