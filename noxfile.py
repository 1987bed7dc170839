#!/usr/bin/env -S uv run
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5"]
# ///
"""The only entry point: session name = factory verb = workflow job."""

from __future__ import annotations

import fcntl
import functools
import os
import shutil
import sys
from pathlib import Path

import nox
from nox.virtualenv import HAS_UV, UV

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from factory.environment.ownenv import OwnEnvironment  # noqa: E402 - found through the line above
from factory.errors import FactoryError  # noqa: E402 - likewise

nox.needs_version = ">=2025.5"
# A uv that only came with nox was never told of a mirror, as pip may be. What makes the environment of the verbs tells
# it; other sessions cannot.
nox.options.default_venv_backend = "uv|virtualenv" if os.environ.get("UV") or shutil.which("uv") else "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = []  # `nox` alone lists them

YAML_STYLE = """{extends: default, rules: {
    line-length: {max: 120}, document-start: disable,
    comments: {min-spaces-from-content: 1}, # a pinned action's version, as the tools that renew it write it
    truthy: {check-keys: false}, # a workflow's `on`
}}"""
# For factory.system.uv: no session has nox's own programs on PATH.
BROUGHT = {"UV": UV} if HAS_UV else {}
# What a file's tests share is made once. Files come in the order of tests/conftest.py.
SIDE_BY_SIDE = ("-n", "logical", "--dist", "loadfile", "--no-loadscope-reorder")
E2E = ("e2e", "e2e_aarch64", "e2e_container", "e2e_distributions", "e2e_gpu", "e2e_site", "e2e_torch")
PROJECT = nox.project.load_toml("pyproject.toml")


OWN = OwnEnvironment(root=ROOT, place=ROOT / ".nox" / "factory")


def _make(session: nox.Session) -> None:
    uv = shutil.which(os.environ.get("UV") or "uv") or BROUGHT.get("UV")
    try:
        steps = OWN.steps(uv, os.environ)
    except FactoryError as error:
        session.error(str(error))
    for step in steps:
        session.run_install(*step.argv, env={**step.env}, external=True, silent=True)
    OWN.finish()


VERB = functools.partial(nox.session, venv_backend="none")


def _verb(session: nox.Session) -> None:
    """Run the verb of the session's name in the one environment of all verbs, made or renewed where need be."""
    OWN.place.parent.mkdir(exist_ok=True)
    with OWN.place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not OWN.is_current():
            _make(session)
    path = os.pathsep.join((str(OWN.scripts), os.environ.get("PATH", os.defpath)))
    env = {**BROUGHT, "PATH": path, "VIRTUAL_ENV": str(OWN.place)}
    session.run(str(OWN.python), "-m", "factory", session.name, *session.posargs, env=env, external=True)


def _pytest(session: nox.Session, *words: str) -> None:
    session.install("--quiet", "-e", ".", *nox.project.dependency_groups(PROJECT, "bench", "test"))
    session.run("pytest", *words, *session.posargs, env=BROUGHT)


def _locked(session: nox.Session, group: str) -> None:
    session.install("--quiet", "--no-deps", "--require-hashes", "-r", f"factory/data/locks/{group}.txt")


@VERB
def plan(session: nox.Session) -> None:
    """Say what would be built and what it would take: plan -- [SELECTOR] [--json] [--why] [--against FILE]."""
    _verb(session)


@VERB
def kernels(session: nox.Session) -> None:
    """Compile the kernels of the selected cells into the pool: kernels -- cu124."""
    _verb(session)


@VERB
def build(session: nox.Session) -> None:
    """Build and audit the wheels of the selected cells: build -- cu124 torch2.6 cp310."""
    _verb(session)


@VERB
def prove(session: nox.Session) -> None:
    """Compare the pool's machine code with upstream's: prove -- cu124 [--all]."""
    _verb(session)


@VERB
def reproduce(session: nox.Session) -> None:
    """Make a wheel again and compare the bytes: reproduce -- WHEEL, or -- --shard K/N SELECTOR [--json]."""
    _verb(session)


@VERB
def doctor(session: nox.Session) -> None:
    """Check this machine against a cell, or the newest that fits it: doctor -- [cu124 torch2.6 cp310] [--guide]."""
    _verb(session)


@VERB
def pool(session: nox.Session) -> None:
    """Carry kernel sets between pools, check, free space: pool -- export | import | verify | prune."""
    _verb(session)


@VERB
def audit(session: nox.Session) -> None:
    """Check finished wheels: audit -- dist/WHEEL."""
    _verb(session)


@VERB
def gpu_test(session: nox.Session) -> None:
    """Try a finished wheel on this machine's GPU: gpu_test -- dist/WHEEL [--no-install] [--seed N] [--beside WHEEL]."""
    _verb(session)


@VERB
def image(session: nox.Session) -> None:
    """Make a builder image of Debian's packages and this machine's Pythons: image -- cu124."""
    _verb(session)


@VERB
def pin(session: nox.Session) -> None:
    """Write the digests that the images' tags have now into matrix.yaml."""
    _verb(session)


@VERB
def publish(session: nox.Session) -> None:
    """Put audited and tested wheels into GitHub releases: publish -- dist/*.whl [--dry-run]."""
    _verb(session)


@VERB
def index(session: nox.Session) -> None:
    """Write the site that pip, uv and people use, from the releases: index -- --out site."""
    _verb(session)


@VERB
def download(session: nox.Session) -> None:
    """Fetch the published wheel that fits this machine: download -- [cu124 torch2.6 cp310]."""
    _verb(session)


@VERB
def diagnose(session: nox.Session) -> None:
    """Say why a build failed, from its log: diagnose -- [FILE | -] [cu124 torch2.6 cp310]."""
    _verb(session)


@VERB
def update(session: nox.Session) -> None:
    """Open an issue for what is new of flash-attn, torch, CUDA images, actions and packages: update -- [--dry-run]."""
    _verb(session)


@nox.session
def lock(session: nox.Session) -> None:
    """Write the lock files anew: of the cells' environments and of the project's own: lock -- [--cooldown DAYS]."""
    session.install("--quiet", "uv>=0.9", "-e", ".")  # the project's own requirements are read off it
    session.run("python", "-m", "factory", session.name, *session.posargs, env=BROUGHT)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests: tests -- [PYTEST ARGUMENTS]."""
    _pytest(session, *SIDE_BY_SIDE, "-m", " and ".join(f"not {name}" for name in E2E))


@nox.session
def e2e(session: nox.Session) -> None:
    """Build the real smoke wheel, import it, install it with pip and uv, kill a build and resume it."""
    _pytest(session, "-m", session.name, "-s")


@nox.session
def e2e_aarch64(session: nox.Session) -> None:
    """Cross-build a wheel for aarch64 and import it beside the real torch under an emulator; needs root on Debian."""
    _pytest(session, "-m", session.name, "-s")


@nox.session
def e2e_container(session: nox.Session) -> None:
    """Make a builder image, build in it, import, kill the container and resume, reproduce in another; needs root."""
    _pytest(session, "-m", session.name, "-s")


@nox.session
def e2e_distributions(session: nox.Session) -> None:
    """Build in folders of Debian 12, 13 and sid with each g++ they have; needs root and debootstrap."""
    _pytest(session, "-m", session.name, "-s")


@nox.session
def e2e_gpu(session: nox.Session) -> None:
    """Build this machine's own smoke wheel, try it on the GPU, beside upstream's way, and wheels made wrong."""
    session.install("--quiet", "-e", ".", *nox.project.dependency_groups(PROJECT, "gpu"))
    session.run("pytest", "-m", "e2e_gpu", "--confcutdir=tests/gpu", "-s", "tests/gpu", *session.posargs, env=BROUGHT)


@nox.session
def e2e_torch(session: nox.Session) -> None:
    """Build wheels of a small sdist beside two whole torches, and try the trial of wheels on the CPU."""
    _pytest(session, *SIDE_BY_SIDE, "-m", session.name)


@nox.session
def e2e_site(session: nox.Session) -> None:
    """Use the index's page in a real Chromium (Debian: apt-get install chromium chromium-driver)."""
    _pytest(session, "-m", session.name, "-s")


@nox.session
def rehearse(session: nox.Session) -> None:
    """Run the factory's workflow from its own files, up to a wheel that pip installs: rehearse -- [--file FILE]."""
    session.install("--quiet", "-e", ".", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "tests.rehearsal", *session.posargs, env=BROUGHT)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure upstream's way and the pool's, print the ratios and draw them; an hour or two."""
    session.install("--quiet", "-e", ".", *nox.project.dependency_groups(PROJECT, "bench"))
    session.run("python", "-m", "bench", *session.posargs, env=BROUGHT)


@nox.session
def docs(session: nox.Session) -> None:
    """Make the documentation's site of what the code says, with its links checked: docs -- [--to DIR]."""
    _locked(session, session.name)
    session.run("python", "-m", "project.docs", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Make the project's own sdist and wheel and the text of their release: release -- --tag factory-v0.1.0."""
    _locked(session, session.name)
    session.run("python", "-m", "project.release", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, data files and workflows."""
    groups = nox.project.dependency_groups(PROJECT, "bench", "test", "lint")
    session.install("--quiet", "-e", ".", *groups)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("yamllint", "--strict", "-d", YAML_STYLE, "matrix.yaml", "factory/data", ".github")
    github = Path(".github")
    workflows, actions = sorted(map(str, github.glob("workflows/*"))), sorted(map(str, github.glob("actions/*/*")))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-actions", *actions)
    forms = sorted(map(str, github.glob("ISSUE_TEMPLATE/*-*.yml")))
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)
    config = ".github/ISSUE_TEMPLATE/config.yml"
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-issue-config", config)
    session.run("actionlint", *workflows)
    session.run("zizmor", "--offline", "--persona", "auditor", "--quiet", ".github")


if __name__ == "__main__":
    nox.main()
