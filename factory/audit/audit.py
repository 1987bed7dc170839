"""Audit finished wheels: read them, hold them to what was asked, write a report beside each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from factory.audit import checks
from factory.audit.report import SCHEMA, Report, read_report
from factory.audit.reportfacts import describe, expected_in, told_requirements
from factory.errors import AuditError, Fault
from factory.output.progress import counted
from factory.system import files
from factory.system.files import sha256_of
from factory.wheel import read, torchpin
from factory.wheel.facts import CheckInput, Expected
from factory.wheel.sidecars import REPORT

_REBUILD = "Do not publish what has findings. Remove it and build it again: nox -s build"
_UNKNOWN = "No report beside it says where it was built. If that was here: remove it and build it again: nox -s build"
_FOREIGN = "Not of this factory, by its name; what was read of it stands in the report beside it."


def audit(wheel: Path, expected: Expected | None = None) -> Report:
    """Read ``wheel`` and hold it to ``expected``, or else to what its own file name says.

    Raises AuditError only when there is no such file; everything wrong with it is in the report.
    """
    rules = read.rules()
    facts = read.read(wheel, rules, build_paths=expected.build_paths if expected else ())
    asked = expected or (Expected.of_name(facts.name) if facts.name else None)
    findings = checks.findings(CheckInput(facts=facts, expected=asked, rules=rules))
    return Report(
        schema=SCHEMA,
        wheel=facts.filename,
        sha256=facts.sha256,
        size=facts.size,
        ok=not findings,
        findings=findings,
        facts=describe(facts, asked, rules),
    )


def write(report: Report, path: Path) -> None:
    """Write ``report`` as JSON, whole or not at all. Raises AuditError where that cannot be done."""
    try:
        files.write(path, report.to_json())
    except OSError as error:
        raise AuditError(
            f"the report {path} cannot be written",
            why=[error.strerror or str(error)],
            remedy="Make room there, or the directory writable, and audit the wheel again.",
        ) from error


def run(
    wheels: Sequence[Path],
    *,
    expect: Callable[[Path], Expected | None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    keep: Callable[[Report], None] = lambda _: None,
) -> tuple[Report, ...]:
    """Audit every wheel, write ``WHEEL.report.json`` beside each, and return the reports.

    ``expect`` tells of a wheel what it was to be, None for what its name says; ``say`` takes a line for each, ``keep``
    each report as it is made. Raises AuditError with all findings of all wheels once the last is done.
    """
    reports: list[Report] = []
    errors: list[AuditError] = []
    complaints: list[str] = []
    for wheel in wheels:
        try:
            report = audit(wheel, expect(wheel))
            write(report, report_path(wheel))
        except AuditError as error:
            errors.append(error)
            complaints.append(" ".join([error.what + ":", *error.why]))
            continue
        reports.append(report)
        keep(report)
        complaints += [f"{wheel.name}: {finding}" for finding in report.findings]
        say(f"audit: {wheel.name}: {_said(report)}")
    if complaints:
        raise _failed(len(wheels), complaints, errors, dict.fromkeys(map(_next, filter(_found, reports))))
    return tuple(reports)


def _found(report: Report) -> bool:
    return not report.ok


def _next(report: Report) -> str:
    expected = report.facts["expected"]
    if not isinstance(expected, Mapping):
        return _FOREIGN
    return _REBUILD if expected.get("cuda") else _UNKNOWN


def _said(report: Report) -> str:
    said = "passed" if report.ok else counted(len(report.findings), "finding")
    requires, torch = told_requirements(report.facts)
    tied = torch is None or torchpin.pinned_to(requires, torch)
    return said if tied else f"{said}; nothing in its METADATA ties it to torch {torch}, so install that first"


def known(wheel: Path) -> Expected | None:
    """Return what the report beside ``wheel`` held this very file to, which is more than its name tells.

    None where there is no report that can be read, it speaks of another file, or nobody had asked for anything.
    """
    try:
        report = read_report(report_path(wheel).read_text(encoding="utf-8"))
        return expected_in(report.facts) if report.sha256 == sha256_of(wheel) else None
    except (OSError, ValueError):
        return None


def report_path(wheel: Path) -> Path:
    """Return where the report of ``wheel`` stands."""
    return wheel.with_name(f"{wheel.name}{REPORT}")


def _failed(count: int, complaints: Sequence[str], errors: Sequence[AuditError], remedies: Iterable[str]) -> AuditError:
    return AuditError(
        f"the audit of {counted(count, 'wheel')} has {counted(len(complaints), 'finding')}",
        faults=[Fault(said=complaint) for complaint in complaints],
        remedy="\n".join(dict.fromkeys([*remedies, *(error.remedy for error in errors)])),
    )
