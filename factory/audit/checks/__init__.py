"""The checks of the audit: each yields what it found wrong, and its docstring says what it asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

from factory.audit.checks import binary, contents, naming
from factory.audit.report import Finding
from factory.wheel.facts import CheckInput

Check = Callable[[CheckInput], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    contents.readable,
    contents.size,
    naming.wheel_name,
    naming.file_name,
    naming.cell,
    naming.profile,
    naming.metadata,
    naming.tags,
    naming.purelib,
    naming.requires_python,
    naming.requires_torch,
    contents.members,
    contents.record,
    contents.bundled,
    contents.cute,
    contents.stray,
    contents.installed,
    contents.intruders,
    contents.build_path,
    binary.extension,
    binary.loadable,
    binary.abi3,
    binary.cxx11abi,
    binary.archs,
    binary.strays,
    binary.fatbins,
    binary.compression,
    binary.toolkit,
    binary.needed,
    binary.runtime,
    binary.rpath,
    binary.torch_symbol,
    binary.torch_release,
    binary.glibc,
)


def findings(given: CheckInput) -> tuple[Finding, ...]:
    """Return what the checks found, in their order; every one runs, whatever the others found."""
    return tuple(finding for finding in (_run(check, given) for check in CHECKS) if finding is not None)


def _run(check: Check, given: CheckInput) -> Finding | None:
    evidence = tuple(check(given))
    if not evidence:
        return None
    return Finding(check=check.__name__, message=inspect.getdoc(check) or "", evidence=evidence)
