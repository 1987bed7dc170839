"""A wheel and its kernels made again on this machine, elsewhere: a real toolkit, a real torch, a small sdist."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factory.audit import audit
from factory.build.build import Order, build
from factory.build.host import Host
from factory.errors import FactoryError, ReportError, ReproduceError
from factory.kernels.shard import Shard
from factory.reproduce import reproduce as verb
from factory.reproduce.units import Known, remake
from factory.session import Session
from factory.system.files import sha256_of
from tests import schemas
from tests.integration.bench import Bench, make_bench

pytestmark = pytest.mark.e2e_torch

Built = tuple[Bench, Path]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    bench = make_bench(tmp_path_factory.mktemp("bench"))
    dist = tmp_path_factory.mktemp("dist")
    told: list[FactoryError] = []
    build(order(bench, bench.session), host(bench, bench.session), dist, tell=told.append)
    assert told == []
    (wheel,) = dist.glob("*.whl")
    return bench, wheel


@pytest.fixture
def away(built: Built) -> Iterator[Session]:
    bench, _ = built
    session = verb.elsewhere(bench.session, "here")
    yield session
    assert not session.cache.exists(), "another cache is left behind"


def order(bench: Bench, session: Session) -> Order:
    return Order(cells=(bench.cell().cell,), matrix=bench.matrix, session=session)


def host(bench: Bench, session: Session) -> Host:
    return Host(order=order(bench, session), installer=bench.installer)


def test_a_wheel_is_made_again_from_its_report(built: Built, away: Session) -> None:
    bench, wheel = built
    told = verb.told(wheel, bench.matrix)
    assert told.cell == bench.cell().cell
    verb.reproduce(told, host(bench, away), away)
    said = bench.output.getvalue()
    assert f"reproduced: {wheel.name}, sha256 {told.sha256}" in said
    assert "differs:" not in said


def test_what_differs_is_named_with_what_the_builds_differ_by(built: Built, away: Session, tmp_path: Path) -> None:
    bench, wheel = built
    changed = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(changed, "w") as target:
        for entry in source.infolist():
            target.writestr(entry, source.read(entry) + b"#" * (entry.filename == "flash_attn/__init__.py"))
    told = replace(verb.told(wheel, bench.matrix), path=changed, sha256=sha256_of(changed))
    told = replace(told, made_with=replace(told.made_with, python="3.0.0"))
    with pytest.raises(ReproduceError, match="came out with other bytes, in 1 place") as caught:
        verb.reproduce(told, host(bench, away), away)
    assert caught.value.why[0].startswith("flash_attn/__init__.py differs from byte ")
    assert caught.value.why[1].startswith("the builds differ, python: 3.0.0 there, ")
    assert Path(caught.value.why[-1].split(": ")[-1]).is_file()


def test_a_wheel_of_which_nothing_is_told_is_refused(built: Built, tmp_path: Path) -> None:
    bench, wheel = built
    alone = tmp_path / wheel.name
    alone.write_bytes(wheel.read_bytes())
    with pytest.raises(ReportError, match="nothing says what"):
        verb.told(alone, bench.matrix)
    audit.run([alone])  # its report holds it to its name alone
    with pytest.raises(ReportError, match="nothing says what"):
        verb.told(alone, bench.matrix)


def test_a_sample_of_units_has_the_recorded_parts(built: Built) -> None:
    bench, _ = built
    away = verb.elsewhere(bench.session, "units")
    sample = remake(bench.cell().cell, Shard(number=1, of=2), host(bench, away), Known(session=bench.session), away)
    assert (len(sample.units), sample.differing, sample.shard) == (1, (), "1/2")
    assert sample.inputs is not None
    schemas.check("reproduce", json.loads(sample.to_json()))
    assert {part.part for part in sample.parts} >= {"host", "sm_80", "sm_90"}


def test_units_of_which_nothing_is_recorded_are_refused(built: Built, tmp_path: Path) -> None:
    bench, _ = built
    away = verb.elsewhere(bench.session, "units")
    nowhere = replace(bench.session, cache=tmp_path)
    with pytest.raises(ReportError, match="nothing is recorded of 5 parts"):
        remake(bench.cell().cell, Shard(number=1, of=2), host(bench, away), Known(session=nowhere), away)
