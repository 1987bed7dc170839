"""A real small wheel, a stand-in for the driver, and a trial of a few lines: everything around the numbers."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from factory.__main__ import main
from factory.errors import AuditError, CellError, GpuError, VerdictError
from factory.gpu_test import gpu_test
from factory.gpu_test.gpu_test import Wanted
from factory.gpu_test.verdict import GROUPS, Verdict
from factory.gpu_test.verdictfile import verdict_path
from factory.matrix.load import load as load_matrix
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from factory.system.files import sha256_of
from tests import schemas
from tests.frozen import MATRIX
from tests.smalltrial import FILENAME, MODULE, TAG, nvidia_smi, program, python_with_torch
from tests.wheelmaker import Binary, Maker, Parts

RULES = load_matrix(MATRIX.read_text())


class Lab:
    """A machine with a GPU, as far as the factory can tell."""

    def __init__(self, home: Path, maker: Maker) -> None:
        self.home, self.maker, self.said = home, maker, io.StringIO()
        self.env = dict(nvidia_smi(home / "bin"))
        self.python = python_with_torch(home / "python")

    def wheel(self, filename: str = FILENAME, binary: Binary | None = None) -> Path:
        (self.home / "dist").mkdir(exist_ok=True)
        parts = Parts(filename=filename, module=MODULE, binary=binary or Binary())
        return self.maker.write(parts, self.home / "dist")

    def run(
        self, wheel: Path, *, beside: Path | None = None, limit: float = 60, how: dict[str, str] | None = None
    ) -> Verdict:
        """Test ``wheel``; give what was written, which must be what is given or raised."""
        session = Session(
            cache=self.home / "cache",
            env=self.env,
            log=Log(Console(file=self.said, width=200)),
            limits=machine.limits({}, max_jobs=1),
        )
        trial = program(self.home / f"trial{len(list(self.home.iterdir()))}", **(how or {}))
        wanted = Wanted(wheel=wheel, seed=7, beside=beside, program=trial, limit=limit)
        given: Verdict | None = None
        complaints: tuple[str, ...] = ()
        try:
            given = gpu_test.gpu_test(
                wanted, matrix=RULES, session=session, stage=gpu_test.borrowed(self.python, session)
            )
        except VerdictError as error:
            complaints = error.why
        written = Verdict.from_json(verdict_path(wheel).read_text())
        schemas.check("verdict", json.loads(verdict_path(wheel).read_text()))
        assert (written == given) is written.ok
        assert written.complaints == complaints
        return written


@pytest.fixture
def lab(tmp_path: Path, maker: Maker) -> Lab:
    return Lab(tmp_path, maker)


def test_a_wheel_that_passes_has_its_verdict_beside_it(lab: Lab) -> None:
    wheel = lab.wheel()
    verdict = lab.run(wheel)
    assert verdict.ok
    assert verdict.bound_to(sha256_of(wheel))
    assert [group.name for group in verdict.groups] == list(GROUPS)
    assert (verdict.machine.gpu, verdict.machine.driver) == ("Small GPU", "580.95.05")
    assert {(arch.arch, arch.tested) for arch in verdict.archs} == {("sm_80", False), ("sm_90", True)}
    assert sorted(path.name.removeprefix(FILENAME) for path in wheel.parent.iterdir()) == [
        "",
        ".verdict.json",
        ".verdict.md",
    ]
    shown = lab.said.getvalue()
    assert "██████       50% first" in shown
    assert f"passed: {FILENAME}: {len(GROUPS)} cases passed, 0 failed" in shown
    assert list((lab.home / "cache" / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("group", "how"),
    [("import", "signal"), ("import", "nan"), ("forward", "nan as text"), ("split", "signal"), ("timing", "endless")],
)
def test_whatever_goes_wrong_in_a_group_fails_the_wheel(lab: Lab, group: str, how: str) -> None:
    verdict = lab.run(lab.wheel(), how={group: how})
    assert not verdict.ok
    assert verdict.complaints[0].startswith(f"{group}: ")


def test_a_hang_fails_and_the_other_groups_are_still_tried(lab: Lab) -> None:
    verdict = lab.run(lab.wheel(), limit=2, how={"split": "hang"})
    assert verdict.complaints == ("split: no end within 2 seconds",)
    assert len(verdict.groups) == len(GROUPS)


def test_after_an_import_that_fails_nothing_is_tried_and_the_axis_is_named(lab: Lab) -> None:
    symbol = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_jb"
    verdict = lab.run(lab.wheel(), how={"import": f"says ImportError: x.so: undefined symbol: {symbol}"})
    assert [group.name for group in verdict.groups] == ["import"]
    assert verdict.misfits[0].startswith("torch: the wheel is for torch 2.10 to 2.13")
    assert not any(arch.tested for arch in verdict.archs)


def test_kernels_of_another_architecture_are_explained_wherever_they_show(lab: Lab) -> None:
    verdict = lab.run(
        lab.wheel(), how={"forward": "says CUDA error: no kernel image is available for execution on the device"}
    )
    assert verdict.misfits[0].startswith("architectures: the wheel has sm_80 sm_90; Small GPU is 9.0; ")
    assert "--archs 9.0" in verdict.misfits[0]


@pytest.mark.parametrize(
    ("old", "new", "axis"),
    [
        ("torch2.6", "torch2.5", "torch"),
        (TAG, "cp39", "Python"),
        ("cu12", "cu13", "CUDA"),
        ("abiFALSE", "abiTRUE", "C++ ABI"),
    ],
)
def test_a_wheel_for_another_machine_fails_even_if_it_happens_to_run(lab: Lab, old: str, new: str, axis: str) -> None:
    verdict = lab.run(lab.wheel(FILENAME.replace(old, new)))
    assert not verdict.ok
    assert verdict.misfits[0].partition(":")[0] == axis
    assert len(verdict.groups) == 1


def test_gpu_code_that_the_driver_does_not_take_is_tried_too(lab: Lab) -> None:
    wheel = lab.wheel(binary=Binary(fatbins=("cu124_units",)))  # sm_80 sm_90 sm_90a compute_89
    assert {arch.arch for arch in lab.run(wheel).archs if arch.tested} == {"compute_89", "sm_90", "sm_90a"}
    spoilt = lab.run(wheel, how={"architectures": "sm_90"})
    assert spoilt.complaints == ("architectures: 1 of 3 cases failed, first sm_90: sample",)
    assert {arch.arch for arch in spoilt.archs if arch.tested} == {"compute_89", "sm_90a"}


def test_what_a_profile_left_out_is_in_the_verdict(lab: Lab) -> None:
    smoke = lab.wheel(FILENAME.replace("FALSE", "FALSE.smoke"))
    verdict = lab.run(smoke, how={"features": "skips"})
    assert verdict.ok
    assert verdict.left_out == RULES.profiles["smoke"].disable
    assert "features: skipped second: left out" in lab.said.getvalue()


def test_a_wheel_beside_is_named_and_timed(lab: Lab) -> None:
    other = lab.wheel(FILENAME.replace("+cu12torch2.6cxx11abiFALSE", ""))  # as pip names it when it is built by hand
    verdict = lab.run(lab.wheel(), beside=other)
    assert verdict.beside == other.name
    assert verdict.timings[0].beside_ms == 1.0


def test_a_job_gets_its_page(lab: Lab) -> None:
    page = lab.home / "page.md"
    page.write_text("before\n")
    lab.env["GITHUB_STEP_SUMMARY"] = str(page)
    wheel = lab.wheel()
    lab.run(wheel, how={"split": "above"})
    written = wheel.with_name(f"{wheel.name}.verdict.md").read_text()
    assert page.read_text() == f"before\n{written}\n"
    assert "❌" in written


def test_where_nothing_can_be_tested_nothing_is_written(lab: Lab) -> None:
    wheel = lab.wheel()
    with pytest.raises(CellError, match="no profile 'tiny'"):
        lab.run(lab.wheel(FILENAME.replace("FALSE", "FALSE.tiny")))
    with pytest.raises(AuditError, match="cannot be audited"):
        lab.run(wheel.with_name("none.whl"))
    (wheel.parent / "other.whl").write_bytes(b"no zip")
    for spoilt, beside in ((wheel.parent / "other.whl", None), (wheel, wheel.parent / "other.whl")):
        with pytest.raises(AuditError, match="no flash-attn wheel"):
            lab.run(spoilt, beside=beside)
    plain = lab.wheel(FILENAME.replace("+cu12torch2.6cxx11abiFALSE", ""))
    with pytest.raises(AuditError, match="no flash-attn wheel") as caught:
        lab.run(plain)
    assert caught.value.why == ("its name says neither CUDA nor torch",)
    lab.env["PATH"] = ""
    with pytest.raises(GpuError):
        lab.run(wheel)
    assert not list(wheel.parent.glob("*.verdict.*"))


def test_the_command_line_finds_the_python_itself_and_has_the_verdicts_status(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(MATRIX, lab.home)
    monkeypatch.chdir(lab.home)
    monkeypatch.setenv("FACTORY_CACHE", str(lab.home / "cache"))
    monkeypatch.setenv("PATH", f"{lab.home / 'bin'}:{lab.python.parent}:/usr/bin:/bin")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    wheel = lab.wheel()
    # The real trial, with a torch that only says what it is: it cannot get far.
    assert main(["gpu_test", str(wheel), "--no-install", "--seed", "5"]) == 43
    assert json.loads(verdict_path(wheel).read_text())["seed"] == 5
    assert "--seed 5" in capsys.readouterr().err
    assert main(["gpu_test", str(wheel), "--python", str(lab.python)]) == 2
    assert "--no-install" in capsys.readouterr().err
