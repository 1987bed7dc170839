"""What a wheel of torch says of itself in its METADATA."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement

MACHINE = "x86_64"
"""The machine whose wheels of torch are looked at."""

_LINUX = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": MACHINE,
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
# The metapackage that torch 2.11 and newer ask for, and before it the runtime of each CUDA major.
_TOOLKIT = re.compile(r"cuda-toolkit|nvidia-cuda-runtime(-cu\d+)?", re.ASCII)
_RELEASE = re.compile(r"(\d+\.\d+)\.[\d.*]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """``cuda``, such as 13.2, is that of the one exact toolkit or runtime it asks for, ``asked_cuda`` the requirement.

    ``setuptools`` is a version specifier, empty where any will do. None: the metadata does not say.
    """

    cuda: str | None
    asked_cuda: str | None
    setuptools: str | None
    requires_python: str | None


def needs(metadata: str, *, python: str) -> Needs:
    """Return what the text of METADATA asks for on Linux on x86_64 and ``python``, such as 3.14.

    A requirement that is none is passed over. Source of the form: the core metadata specifications and PEP 508.
    """
    raw, _ = parse_email(metadata)
    asked = list(_holding(raw.get("requires_dist", []), {**_LINUX, "python_version": python, "extra": ""}))
    toolkits = [one for one in asked if _TOOLKIT.fullmatch(one.name.lower())]
    versions = {_exact(one) for one in toolkits}
    (cuda,) = versions if len(versions) == 1 else (None,)
    setuptools = [str(one.specifier) for one in asked if one.name.lower() == "setuptools"]
    return Needs(
        cuda=cuda,
        asked_cuda=f"{toolkits[0].name}{toolkits[0].specifier}" if cuda else None,
        setuptools=setuptools[0] if len(setuptools) == 1 else None,
        requires_python=raw.get("requires_python"),
    )


def _holding(lines: list[str], environment: Mapping[str, str]) -> Iterator[Requirement]:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate(dict(environment)):
            yield requirement


def _exact(requirement: Requirement) -> str | None:
    versions = [one.version for one in requirement.specifier if one.operator == "=="]
    found = _RELEASE.fullmatch(versions[0]) if len(versions) == 1 else None
    return found[1] if found else None
