"""The walls of the house: which package may import which, what is pure, who touches processes and GitHub's API.

CONTRIBUTING.md says it in words.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A package imports packages of lower floors only. `cli` is imported by nobody.
FLOORS = (
    ("errors", "versions", "data"),
    ("system", "output", "platforms"),
    ("session", "matrix", "toolkit", "github"),
    ("diagnose", "environment", "pool", "update", "wheel"),
    ("audit", "image", "index", "kernels"),
    ("gpu_test", "plan"),
    ("doctor", "prove", "publish"),
    ("build",),
    ("reproduce",),
    ("cli",),
    ("__main__",),
)
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
# What runs in other interpreters, or alone: it may import nothing of the factory but what is said here.
ALONE = {
    "factory.build.wrappers": ("factory.build.wrappers",),
    "factory.gpu_test.trial": ("factory.gpu_test.trial",),
    "factory.index.served": ("factory.index.served",),
}
# Modules that neither touch the outside nor import one that does: values in, values out.
PURE = {
    "audit": "checks checks.binary checks.contents checks.naming factrows page report reportfacts",
    "build": "container container.inside container.messages container.spec page recipe",
    "diagnose": "cell english facts judge lines logfile reading rules",
    "doctor": "choose cuda facts kindlines parse python result target versionbound",
    "environment": "requirements target",
    "github": "ratelimit",
    "gpu_test": "compatibility coverage page verdict",
    "image": "aptsource layout",
    "index": "lastrun status statuspage",
    "kernels": "compilerpin costs dryrun estimate job page reproducible schedule sdist shard unit",
    "matrix": (
        "advice arch cellindex cells check checksymbol difference document gpunames imagename kernelset load model "
        "native page pins representatives schema selector shape suggest types unserved wheelname"
    ),
    "output": "annotation failure githubjob markdown progress",
    "plan": "document listing page room sizes workflow",
    "pool": "archivename record tarstream",
    "prove": "moved proof",
    "publish": "body checksums gate outlook page parts pools sbom steps",
    "system": "cooldown environ paths plainyaml strictjson",
    "toolkit": "headerfix pins source toolkit",
    "update": "actions flashattn images ledger listing locked metadata page proposal torch",
    "wheel": (
        "cubin cxxabi cyclonedx distinfo dynamic elf facts fatbin madewith origin promise pythonabi record releasebill "
        "segments sidecars torchabi torchpin"
    ),
}
OUTSIDE = {
    *("fcntl", "os", "psutil", "requests", "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "time"),
    "urllib.request",
    "github",
}
# The one place that starts processes; what runs them side by side knows their handles; the client is one file.
PROCESSES = {"factory.system.process", "factory.kernels.compile", "factory.index.served.flash_attn_wheel"}
API = {
    "factory.github.client",
    "factory.github.githubsession",
    "factory.github.settings",
    "factory.publish.releases",
    "factory.update.actionrelease",
    "factory.update.issues",
}
PROGRAMS = {"processes": ({"subprocess"}, PROCESSES), "API": ({"github"}, API)}


def named(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {named(path): path.read_text() for path in sorted((ROOT / "factory").rglob("*.py"))}


@cache
def imported(module: str) -> frozenset[str]:
    return frozenset(_imported(FILES[module]))


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES or whole in OUTSIDE else node.module


def ours(names: frozenset[str]) -> set[str]:
    return {name for name in names if name.startswith("factory.")}


def package(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def touches(names: frozenset[str]) -> set[str]:
    return {name for name in names if name in OUTSIDE or name.split(".")[0] in OUTSIDE}


def complaints(module: str, names: frozenset[str]) -> list[str]:
    """Say what is wrong with ``module`` importing ``names``."""
    found = []
    for name in sorted(ours(names)):
        here, there = package(module), package(name)
        if here != there and FLOOR[there] >= FLOOR[here]:
            found.append(f"{module} imports {name}, which is not below it")
    for part, allowed in ALONE.items():
        if module.startswith(part):
            found += [f"{module} runs alone but imports {name}" for name in ours(names) if not name.startswith(allowed)]
    if module in pure():
        found += [f"{module} is pure but imports {name}" for name in sorted(touches(names))]
        found += [f"{module} is pure but imports {name}, which is not" for name in sorted(impure(ours(names)))]
    for what, (programs, allowed_modules) in PROGRAMS.items():
        if module not in allowed_modules and any(name.split(".")[0] in programs for name in names):
            found.append(f"{module} reaches {what}, which is for {', '.join(sorted(allowed_modules))}")
    return found


@cache
def pure() -> frozenset[str]:
    return frozenset(f"factory.{package}.{module}" for package, row in PURE.items() for module in row.split())


def impure(names: set[str]) -> set[str]:
    """Give those of ``names`` that are not known to touch nothing; packages are no more than their modules."""
    free = {"factory.platforms", "factory.errors", "factory.versions", "factory.data"}
    return {name for name in names if name not in pure() | free and FILES[name].count("\n") > 1}


@pytest.mark.parametrize("module", FILES)
def test_a_module_imports_what_its_place_allows(module: str) -> None:
    assert complaints(module, imported(module)) == []


def test_every_package_has_its_floor_and_every_pure_module_is_there() -> None:
    assert {package(module) for module in FILES} - {"__init__"} == FLOOR.keys()
    assert pure() <= FILES.keys()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("factory.publish.publish", "factory.cli.context"),
        ("factory.build.host", "factory.cli.context"),
        ("factory.build.container.inside.step", "factory.cli.context"),
        ("factory.build.wrappers.nvcc", "factory.build.recipe"),
        ("factory.build.wrappers.cxx", "factory.matrix.model"),
        ("factory.gpu_test.trial.main", "factory.matrix.model"),
        ("factory.index.served.flash_attn_wheel", "factory.matrix.model"),
        ("factory.matrix.cells", "factory.build.container.inside.step"),
        ("factory.system.process", "factory.build.container.inside.step"),
        ("factory.pool.store", "factory.kernels.kernels"),
        ("factory.audit.audit", "factory.publish.gate"),
        ("factory.matrix.cells", "time"),
        ("factory.matrix.cells", "shutil"),
        ("factory.wheel.fatbin", "socket"),
        ("factory.toolkit.pins", "urllib.request"),
        ("factory.kernels.unit", "factory.system.files"),
        ("factory.publish.gate", "factory.system.process"),
        ("factory.audit.audit", "subprocess"),
        ("factory.index.index", "github"),
        ("factory.kernels.kernels", "factory.plan.plan"),
    ],
)
def test_what_does_not_belong_is_found(module: str, name: str) -> None:
    assert complaints(module, imported(module) | {name})
