"""Try a finished wheel on this machine's GPU and write a verdict, bound to that very file, beside it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from factory.diagnose import machine as diagnoses
from factory.environment.environment import Installer
from factory.gpu_test import compatibility, coverage, testenv, verdictfile, wheelundertest
from factory.gpu_test.compatibility import Runtime, WheelHere
from factory.gpu_test.run import LIMIT, PROGRAM, Ran, Request, Trial
from factory.gpu_test.testenv import TrialEnvironment
from factory.gpu_test.verdict import GROUPS, OTHERS, Machine, Verdict
from factory.gpu_test.wheelundertest import WheelUnderTest
from factory.matrix.arch import Arch
from factory.matrix.model import Matrix
from factory.session import Session
from factory.system import gpu
from factory.system.gpu import Gpu
from factory.wheel.origin import profile_of, torch_of

_FIRST = GROUPS[0]
_SEEDS = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to test and how: the ``seed`` of all random inputs, a wheel of any name to time it ``beside``.

    ``program`` is the trial's folder, ``limit`` the seconds that a group may take.
    """

    wheel: Path
    seed: int = field(default_factory=lambda: secrets.randbelow(_SEEDS))
    beside: Path | None = None
    program: Path = PROGRAM
    limit: float = LIMIT


@dataclass(frozen=True, kw_only=True)
class Done:
    """A trial that ended: its groups, what they were asked, when it began, the name of the wheel beside."""

    ran: tuple[Ran, ...]
    request: Request
    began: datetime
    beside: str | None


Stage = Callable[[WheelUnderTest, Path], TrialEnvironment]
"""Makes the place a wheel is tested in, in a directory that is removed afterwards."""


def gpu_test(wanted: Wanted, *, matrix: Matrix, session: Session, stage: Stage) -> Verdict:
    """Run the trial of ``wanted.wheel``, write ``WHEEL.verdict.json`` and ``.md``, print both as tables.

    Raises VerdictError, after writing, when the wheel did not pass; GpuError when there is no GPU, AuditError when
    the file is no wheel of flash-attn, and what ``stage`` raises.
    """
    began = datetime.now(UTC)
    under_test = wheelundertest.read(wanted.wheel)
    other = wanted.beside and _other(wanted.beside, under_test, session)
    disabled = profile_of(under_test.name, matrix).disable
    found = gpu.find(session.env)[0]
    with tempfile.TemporaryDirectory(prefix="gpu-test-", dir=_made(session.cache / "work")) as scratch:
        bed = stage(under_test, Path(scratch) / "bed")
        request = Request(
            seed=wanted.seed,
            disabled=disabled,
            version=under_test.name.version,
            beside=str(other(Path(scratch))) if other else None,
            others=_others(under_test, Arch.parse(found.capability), Path(scratch) / "others"),
        )
        trial = Trial(wanted.program, bed, _made(Path(scratch) / "trial"), env=session.env)
        pair = _pair(under_test, bed, found, matrix)
        ran = _run(trial, request, wanted, pair, session)
    done = Done(ran=tuple(ran), request=request, began=began, beside=wanted.beside.name if wanted.beside else None)
    verdict = _verdict(under_test, done, replace(pair, here=_seen(pair.here, ran)))
    verdictfile.write(verdict, under_test.path, session)
    return verdict


def _other(beside: Path, under_test: WheelUnderTest, session: Session) -> Callable[[Path], Path]:
    """Return what takes the extension out of the wheel ``beside``; say where its machine code is stored otherwise."""
    module = wheelundertest.extension(beside)
    if module.compressions != under_test.compressions:
        ours, theirs = (" ".join(one.compressions) for one in (under_test, module))
        session.log.say(f"gpu_test: compression of the machine code: {ours}; of the wheel beside: {theirs}")
    return partial(testenv.unpack_extension, beside, module.path)


def clean(matrix: Matrix, installer: Installer, session: Session) -> Stage:
    """Return the stage of a fresh environment with the exact torch of the wheel's cell, installed if it is not there.

    Used, it raises CellError where the matrix has no such torch, and what the installer and ``testenv.clean`` raise.
    """

    def make(under_test: WheelUnderTest, into: Path) -> TrialEnvironment:
        torch, build = torch_of(under_test.name, matrix)
        environment = installer.prepare(torch, build, under_test.name.python)
        return testenv.clean(under_test.path.absolute(), environment, into, env=session.env)

    return make


def borrowed(python: Path | None, session: Session) -> Stage:
    """Return the stage of ``python``, or the first ``python3`` on PATH that has torch; nothing is installed or fetched.

    Used, it raises what ``testenv.borrowed`` raises.
    """
    return lambda under_test, into: testenv.borrowed(under_test.path, python, into, env=session.env)


def _run(trial: Trial, request: Request, wanted: Wanted, pair: WheelHere, session: Session) -> list[Ran]:
    """Run the groups in order; a wheel that cannot be imported, or is for another machine, gets no further."""
    ran: list[Ran] = []
    for name in GROUPS:
        # The driver may have to compile what it would not take: each such form has a group's time.
        share = max(1, len(request.others)) if name == OTHERS else 1
        ran.append(trial.run(name, request, limit=wanted.limit * share))
        session.log.say(_line(ran[-1]))
        if name == _FIRST and (not ran[-1].group.ok or compatibility.by_facts(pair)):
            break
    return ran


def _line(ran: Ran) -> str:
    group = ran.group
    told = f"{group.passed} passed, {len(group.failures)} failed, {len(group.skips)} skipped"
    trouble = f"; {group.trouble}" if group.trouble else ""
    return f"gpu_test: {group.name}: {told} in {group.seconds:.1f} s{trouble}"


def _verdict(under_test: WheelUnderTest, done: Done, pair: WheelHere) -> Verdict:
    explained = compatibility.by_text(pair, _said(done.ran), diagnoses.rules())
    misfits = dict.fromkeys([*compatibility.by_facts(pair), *explained])
    return Verdict(
        wheel=under_test.path.name,
        sha256=under_test.sha256,
        seed=done.request.seed,
        profile=under_test.name.profile,
        left_out=done.request.disabled,
        machine=_machine(pair.here, _told(done.ran)),
        archs=coverage.exercised(under_test.images, Arch.parse(pair.here.capability or ""), _reach(done.ran)),
        misfits=tuple(map(str, misfits)),
        groups=tuple(one.group for one in done.ran),
        timings=tuple(timing for one in done.ran for timing in one.transcript.timings),
        beside=done.beside,
        started=done.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round((datetime.now(UTC) - done.began).total_seconds(), 3),
    )


def _reach(ran: Sequence[Ran]) -> coverage.Reach:
    groups = {one.group.name: one for one in ran}
    sampled = groups.pop(OTHERS, None)
    cases = [case for case in sampled.transcript.cases if case.judged != "skipped"] if sampled else []
    outcomes: dict[str, set[str]] = {}
    for case in cases:
        outcomes.setdefault(case.name.partition(":")[0], set()).add(case.judged)
    return coverage.Reach(
        kernels=any(one.group.passed for name, one in groups.items() if name != _FIRST),
        others=frozenset(name for name, all_of_it in outcomes.items() if all_of_it == {"passed"}),
    )


def _others(under_test: WheelUnderTest, gpu: Arch, into: Path) -> dict[str, str]:
    """Make an extension for each form of GPU code that ``gpu`` can run and its driver does not take."""
    return {
        str(image): str(testenv.with_only(image, under_test.path, under_test.extension, into))
        for image in coverage.others(under_test.images, gpu)
    }


def _machine(here: Runtime, told: Machine | None) -> Machine:
    """Return what was tested on; the exact Python and flash-attn are only known from inside."""
    return Machine(
        gpu=here.gpu,
        capability=here.capability,
        driver=here.driver,
        torch=here.torch,
        cuda=here.cuda,
        python=(told.python if told else None) or here.python,
        flash_attn=told.flash_attn if told else None,
    )


def _told(ran: Sequence[Ran]) -> Machine | None:
    return next((one.transcript.machine for one in ran if one.transcript.machine), None)


def _said(ran: Sequence[Ran]) -> str:
    """Gather what the groups that failed said of it."""
    failed = [one for one in ran if not one.group.ok]
    return "\n".join(text for one in failed for text in (*(case.why for case in one.group.failures), one.said))


def _pair(under_test: WheelUnderTest, bed: TrialEnvironment, found: Gpu, matrix: Matrix) -> WheelHere:
    facts = bed.facts
    here = Runtime(
        python=facts.python,
        torch=facts.torch,
        cuda=facts.cuda,
        cxx11abi=facts.cxx11abi,
        glibc=facts.glibc,
        gpu=found.name,
        capability=found.capability,
        driver=found.driver,
    )
    return WheelHere(name=under_test.name, images=under_test.images, here=here, matrix=matrix)


def _seen(here: Runtime, ran: Sequence[Ran]) -> Runtime:
    """Take the GPU that the trial says it ran on, which need not be the first that the driver lists."""
    told = _told(ran)
    if told is None or told.gpu is None or told.capability is None:
        return here
    return replace(here, gpu=told.gpu, capability=told.capability)


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
