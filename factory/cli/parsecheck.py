"""Reads the words of the verbs that check: wheels, kernels, this machine, logs."""

from __future__ import annotations

from pathlib import Path

from factory.cli import options
from factory.cli.commandline import Verbs


def add_verbs(verbs: Verbs) -> None:
    """Add them all."""
    about = "check finished wheels and write WHEEL.report.json beside each"
    one = options.add(verbs, "audit", "audit:audit", about)
    one.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL", help="a .whl file")
    _gpu_test(verbs)

    about = "compile a sample of the selected cells' kernels upstream's way too, and compare the machine code"
    one = options.add_selecting(verbs, "prove", "building:prove", about)
    options.add_memory(one)
    one.add_argument("--all", action="store_true", help="every unit, not a sample")
    _reproduce(verbs)
    _doctor(verbs)

    about = "say why a build failed, from its log, and what to type next"
    one = options.add(verbs, "diagnose", "diagnosis:diagnose", about)
    options.tell_selector(one)
    one.add_argument("file", nargs="?", metavar="FILE", help="a log, or - for standard input (default: the newest one)")
    one.add_argument("selector", nargs="*", metavar="TOKEN", help="which cell was built (default: what the log says)")
    options.add_profile(one)
    one.set_defaults(archs=None, memory=None)


def _gpu_test(verbs: Verbs) -> None:
    about = "try a finished wheel on this machine's GPU and write WHEEL.verdict.json beside it"
    one = options.add(verbs, "gpu_test", "gputest:gpu_test", about)
    one.add_argument("wheel", type=Path, metavar="WHEEL", help="a .whl file")
    about = "install nothing: use the torch of a Python that is here"
    one.add_argument("--no-install", dest="install", action="store_false", help=about)
    about = "with --no-install, which Python (default: the first python3 on PATH that has torch)"
    one.add_argument("--python", type=Path, metavar="PATH", help=about)
    one.add_argument("--seed", type=int, metavar="N", help="of all random inputs (default: a new one, in the verdict)")
    one.add_argument("--beside", type=Path, metavar="WHEEL", help="time it beside this one, built another way")
    one.set_defaults(memory=None)


def _reproduce(verbs: Verbs) -> None:
    about = "make a wheel again from its report, or a share of a kernel set, and compare the bytes"
    one = options.add(verbs, "reproduce", "reproduction:reproduce", about)
    options.tell_selector(one)
    about = "a .whl file with its report beside it; with --shard, a selector, see below"
    one.add_argument("what", nargs="+", metavar="WHEEL", help=about)
    about = "not a wheel, but the K-th of N shares of each selected kernel set"
    one.add_argument("--shard", type=options.shard, metavar="K/N", help=about)
    one.add_argument("--json", action="store_true", help="with --shard, a line of JSON for each set")
    one.add_argument("--profile", metavar="NAME", help="with --shard, a profile of matrix.yaml")
    options.add_archs(one, "with --shard, other architectures")
    options.add_backend(one, "compiled")
    options.add_memory(one)
    options.add_remote_pool(one)


def _doctor(verbs: Verbs) -> None:
    about = "check this machine against a cell (default: the newest that fits it)"
    one = options.add_selecting(verbs, "doctor", "machine:doctor", about)
    about = "check what building by hand takes, of that cell (default: of the guide's recommended environment)"
    one.add_argument("--guide", action="store_true", help=about)
    about = "check the repository's settings: who reaches its machines and releases (GITHUB_TOKEN of an owner)"
    one.add_argument("--github", action="store_true", help=about)
    one.add_argument("--json", action="store_true", help="print what was found as JSON, for programs")
