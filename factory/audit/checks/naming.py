"""Checks of what the wheel calls itself: its file name, METADATA and WHEEL."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from factory.matrix import wheelname
from factory.versions import abi_word
from factory.wheel import torchpin
from factory.wheel.facts import CheckInput


def file_name(given: CheckInput) -> Iterator[str]:
    """The file must be named by the guide's scheme, or nobody finds the right wheel."""
    if given.expected is None:
        return
    try:
        wheelname.parse(given.facts.filename)
    except ValueError as error:
        yield str(error)


def wheel_name(given: CheckInput) -> Iterator[str]:
    """The file must have a wheel's name, or no installer takes it."""
    if given.facts.promise is not None:
        return
    try:
        parse_wheel_filename(given.facts.filename)
    except ValueError as error:
        yield str(error)


def cell(given: CheckInput) -> Iterator[str]:
    """The name must say what was asked for: flash-attn, CUDA, torch, Python, C++ ABI and machine."""
    name, expected = given.facts.name, given.expected
    if name is None or expected is None:
        return
    pairs = {
        "flash-attn": (name.version, expected.flash_attn),
        "CUDA": (str(name.cuda_major), str(expected.cuda_major)),
        "torch": (name.torch, expected.torch),
        "Python": (name.python, expected.python),
        "cxx11abi": (abi_word(name.cxx11abi), abi_word(expected.cxx11abi)),
    }
    for what, (said, asked) in pairs.items():
        if said != asked:
            yield f"the name says {what} {said}, asked for was {asked}"
    if not name.platform_tag.endswith(f"_{expected.machine}"):
        yield f"the name says {name.platform_tag}, asked for was {expected.machine}"


def profile(given: CheckInput) -> Iterator[str]:
    """Only a wheel with all of upstream's features may go without its profile in the local version."""
    name, expected = given.facts.name, given.expected
    if name is not None and expected is not None and name.profile != expected.profile:
        yield f"the name says profile {name.profile}, built was {expected.profile}"


def metadata(given: CheckInput) -> Iterator[str]:
    """METADATA and .dist-info must repeat the name and version of the file; installers refuse it otherwise."""
    facts = given.facts
    if facts.promise is None or facts.distinfo is None:
        return
    project, version = facts.filename.split("-")[:2]
    info = facts.distinfo
    if info.name is not None and canonicalize_name(info.name) != canonicalize_name(project):
        yield f"METADATA has Name {info.name}, the file {project}"
    if info.version is not None and info.version.casefold() != version.casefold():
        yield f"METADATA has Version {info.version}, the file {version}"
    if info.directory.casefold() != f"{project}-{version}.dist-info".casefold():
        yield f"the directory is {info.directory}"


def tags(given: CheckInput) -> Iterator[str]:
    """The tags in WHEEL must be those of the file name."""
    promise, info = given.facts.promise, given.facts.distinfo
    if promise is not None and info is not None and info.tags is not None and info.tags != promise.tags:
        yield f"WHEEL has {', '.join(info.tags)}; the file name has {', '.join(promise.tags)}"


def purelib(given: CheckInput) -> Iterator[str]:
    """Root-Is-Purelib must be false: the wheel holds machine code."""
    info = given.facts.distinfo
    if not any(member.is_module or member.is_library for member in given.facts.members):
        return
    if info is not None and info.root_is_purelib is not None and info.root_is_purelib.strip().lower() != "false":
        yield f"Root-Is-Purelib: {info.root_is_purelib}"


def requires_python(given: CheckInput) -> Iterator[str]:
    """Requires-Python must admit the Python the wheel is for, or no installer takes it."""
    promise, info = given.facts.promise, given.facts.distinfo
    if promise is None or info is None or info.requires_python is None:
        return
    try:
        wanted = SpecifierSet(info.requires_python)
    except InvalidSpecifier:
        yield f"{info.requires_python!r} is no version specifier"
        return
    if promise.python and not wanted.contains(f"{promise.python.removesuffix('t')}.0", prereleases=True):
        yield f"{info.requires_python} does not admit Python {promise.python}"


def requires_torch(given: CheckInput) -> Iterator[str]:
    """A wheel of this factory must require the torch series it was linked to, or installers put it beside any."""
    info, expected = given.facts.distinfo, given.expected
    if info is None or info.name is None or expected is None or not expected.built_here:
        return
    if not torchpin.pinned_to(info.requires, expected.torch):
        torch = [one for one in info.requires if one.startswith("torch")]
        yield f"METADATA requires {' and '.join(torch) or 'no torch'}, not {torchpin.requirement(expected.torch)}"
