from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from factory.audit.audit import audit
from factory.build.finish import finish
from factory.errors import WheelBuildError
from factory.wheel.facts import SBOM
from tests.wheelmaker import EXPECTED, Maker, Parts

MATERIALS = b'{"bomFormat": "CycloneDX"}'


def test_a_finished_wheel_requires_its_torch_and_is_the_same_file_each_time(maker: Maker, tmp_path: Path) -> None:
    made = maker.write(Parts(metadata={"Requires-Dist": "torch"}), tmp_path)
    assert [one.check for one in audit(made, EXPECTED).findings] == ["requires_torch"]
    finished = finish(made, torch="2.6", materials=MATERIALS)
    assert finished.name == made.name
    assert audit(finished, EXPECTED).findings == ()
    first = finished.read_bytes()
    assert finish(made, torch="2.6", materials=MATERIALS).read_bytes() == first
    with zipfile.ZipFile(made) as before, zipfile.ZipFile(finished) as after:
        changed = [name for name in before.namelist() if before.read(name) != after.read(name)]
        was, now = ([(one.filename, one.date_time) for one in wheel.infolist()] for wheel in (before, after))
        (put_in,) = set(after.namelist()) - set(before.namelist())
        assert after.read(put_in) == MATERIALS
    assert sorted(name.split("/")[1] for name in changed) == ["METADATA", "RECORD"]
    assert [one for one in now if one[0] != put_in] == was
    assert put_in.split("/", 1)[1] == SBOM


def test_the_umask_of_whoever_builds_is_not_seen(maker: Maker, tmp_path: Path) -> None:
    made = maker.write(Parts(metadata={"Requires-Dist": "torch"}), tmp_path)
    finished = [finish(_built_under(umask, made, tmp_path), torch="2.6", materials=MATERIALS) for umask in (0o22, 0o77)]
    assert finished[0].read_bytes() == finished[1].read_bytes()
    with zipfile.ZipFile(finished[1]) as wheel:
        rights = {one.filename.endswith(".so"): oct(one.external_attr >> 16) for one in wheel.infolist()}
    assert rights == {True: "0o100755", False: "0o100644"}


def _built_under(umask: int, wheel: Path, into: Path) -> Path:
    built = into / f"{umask:o}" / wheel.name
    built.parent.mkdir()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(built, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            mode = 0o777 if entry.filename.endswith(".so") else 0o666
            entry.external_attr = (stat.S_IFREG | mode & ~umask) << 16
            target.writestr(entry, content)
    return built


def test_a_wheel_that_was_cut_is_not_finished(maker: Maker, tmp_path: Path) -> None:
    made = maker.write(Parts(metadata={"Requires-Dist": "torch"}), tmp_path)
    made.write_bytes(made.read_bytes()[:-9])
    with pytest.raises(WheelBuildError, match="cannot be tied to torch"):
        finish(made, torch="2.6", materials=MATERIALS)


@pytest.mark.parametrize("requires", ["einops", "torch; python_version < '3'"])
def test_a_wheel_that_requires_no_torch_is_not_finished(maker: Maker, tmp_path: Path, requires: str) -> None:
    made = maker.write(Parts(metadata={"Requires-Dist": requires}), tmp_path)
    with pytest.raises(WheelBuildError) as caught:
        finish(made, torch="2.6", materials=MATERIALS)
    assert caught.value.why == ("METADATA requires no torch",)
