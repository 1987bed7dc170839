"""The real ``matrix.yaml`` and what must go with it; whatever somebody chooses there, these hold."""

from __future__ import annotations

import json
import re
import time
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.data import DATA
from factory.environment import cibuildwheel
from factory.environment.requirements import lock_name
from factory.index import rules
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix, State
from factory.versions import version_key

pytestmark = pytest.mark.live_matrix

ROOT = Path(__file__).parents[1]


@cache
def text() -> str:
    return (ROOT / "matrix.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(text())


def test_it_is_what_an_editor_takes() -> None:
    schema = json.loads((DATA / "matrix.schema.json").read_text())
    as_read = json.loads(json.dumps(yaml.safe_load(text())))
    jsonschema.validate(as_read, schema, cls=jsonschema.Draft202012Validator)


def test_all_its_cells_are_found_in_less_than_a_tenth_of_a_second(matrix: Matrix) -> None:
    start = time.process_time()
    assert expand(matrix)
    assert time.process_time() - start < 0.1


def test_its_minimum_drivers_are_those_of_the_page(matrix: Matrix) -> None:
    told = rules.table(matrix)["minimum_driver"]
    assert all(told[str(toolkit.major)] == toolkit.minimum_driver for toolkit in matrix.toolkits.values())


def test_the_page_knows_cards_of_every_default_architecture() -> None:
    default = re.sub(r"^archs:.*\n(?:[ -].*\n)*", "archs: default\n", text(), flags=re.MULTILINE)
    built = {f"{arch.major}.{arch.minor}" for kit in load_matrix(default).toolkits.values() for arch in kit.archs}
    known = {rule["capability"] for rule in rules.table(load_matrix(default))["gpus"]}
    assert built <= known, "factory/data/gpus.toml needs an entry"


def test_its_profiles_are_those_that_can_be_chosen_on_github(matrix: Matrix) -> None:
    flow = yaml.load((ROOT / ".github/workflows/factory.yml").read_text(), yaml.BaseLoader)  # noqa: S506 - `on` is no boolean here
    offered = flow["on"]["workflow_dispatch"]["inputs"]["profile"]["options"]
    assert set(offered) == set(matrix.profiles), "factory.yml offers profiles by name: name the same there"


def test_a_further_torch_or_minor_of_cuda_costs_no_kernel_set(matrix: Matrix) -> None:
    built = [row.cell for row in expand(matrix) if row.state is State.BUILD]
    sets = {need_of(cell, matrix) for cell in built}
    alike = {(cell.flash_attn, matrix.toolkits[cell.cuda].major, cell.archs, cell.machine) for cell in built}
    assert 0 < len(sets) == len(alike), "`kernels` under `cuda` says what compiles for all minors of a major"


def test_what_it_builds_has_its_lock_files(matrix: Matrix) -> None:
    wanted = {
        lock_name(matrix.torch[choice.torch], build)
        for choice in matrix.choices.values()
        for build in matrix.torch[choice.torch].builds
        if build.published and build.index_url is None
    }
    wanted |= {cibuildwheel.lock_name(release) for release in matrix.cibuildwheel.values()}
    missing = sorted(wanted - {path.name for path in (DATA / "locks").iterdir()})
    assert not missing, f"factory/data/locks lacks {', '.join(missing)}; write them: nox -s lock"


def test_every_lock_file_is_of_something_in_it(matrix: Matrix) -> None:
    torches = {
        lock_name(torch, build): torch.release
        for torch in matrix.torch.values()
        for build in torch.builds
        if build.index_url is None
    }
    own = {"docs.txt", "factory.txt", "nox.txt", "release.txt", "virtualenv.txt"}
    tools = own | set(map(cibuildwheel.lock_name, matrix.cibuildwheel.values()))
    for path in (DATA / "locks").iterdir():
        assert path.name in torches or path.name in tools, f"nothing in matrix.yaml has the lock file {path.name}"
        lines = path.read_text().splitlines()
        if path.name in torches:
            assert any(line.startswith(f"torch=={torches[path.name]} ") for line in lines)
        pinned = [line for line in lines if not line.startswith(" ")]
        assert len(pinned) <= sum(line.count("--hash=sha256:") for line in lines)


@pytest.fixture(scope="module")
def proofs() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((DATA / "proofs").glob("*.json"))]


def test_a_shared_front_end_rests_on_a_proof(matrix: Matrix, proofs: list[dict[str, Any]]) -> None:
    shared = [
        (toolkit.version, str(arch), str(first))
        for toolkit in matrix.toolkits.values()
        for arch, first in toolkit.front_end.items()
        if arch != first
    ]
    assert shared
    for cuda, arch, front_end in shared:
        compared = [
            code["kernels"]
            for proof in proofs
            if proof["toolkit"].startswith(f"{cuda}.")
            for unit in proof["units"]
            for code in unit["code"]
            if (code["arch"], code["front_end"]) == (arch, front_end)
        ]
        assert sum(compared) > 0, (cuda, arch, front_end)


def test_proofs_name_releases_of_it(matrix: Matrix, proofs: list[dict[str, Any]]) -> None:
    assert proofs
    releases = {torch.release for torch in matrix.torch.values()}
    for proof in proofs:
        assert proof["flash_attn"] in matrix.flash_attn
        assert proof["torch"] in releases


@given(archs=st.lists(st.sampled_from([8.0, 8.6, 8.9, 9.0, 10.0, 10.3, 12.0, 12.1]), min_size=1, unique=True))
@settings(deadline=None, max_examples=40)
def test_kernels_are_compiled_by_a_toolkit_of_the_major_that_is_not_newer_and_makes_them(
    matrix: Matrix, archs: list[float]
) -> None:
    wanted = [Arch.parse(f"{arch:.1f}") for arch in archs]
    for row in (*expand(matrix), *expand(matrix, archs=wanted)):
        if row.state is not State.SKIPPED:
            maker = matrix.toolkits[need_of(row.cell, matrix).cuda]
            own = matrix.toolkits[row.cell.cuda]
            assert maker.major == own.major
            assert version_key(maker.version) <= version_key(own.version)
            assert maker.minimum_driver <= own.minimum_driver
            assert {arch.real for arch in row.cell.archs} <= set(maker.targets)
