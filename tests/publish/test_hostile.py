"""Wheels made to get past the gate, each with a report beside it that calls it right: none does."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from factory.audit import audit
from factory.audit.report import Report
from factory.errors import GateError
from factory.publish.publish import Means, publish
from tests.githubserver import GithubServer
from tests.publishing import (
    NEW_STRING,
    UNTESTED,
    beside,
    compiled,
    finished,
    installed,
    parts_of,
    policy,
    repository,
    wheel_name,
)
from tests.wheelmaker import CHECK_SYMBOL, MODULE, OLD_STRING, Binary, Maker, Parts

Spoil = Callable[[Parts], None]
INFO = f"{wheel_name().split('-cp')[0].lower()}.dist-info"
DATA = f"{INFO.removesuffix('dist-info')}data"


def packed(name: str, data: bytes = b"import os\n") -> Spoil:
    return lambda parts: parts.files.update({name: data})


def module(**changes: object) -> Spoil:
    def spoil(parts: Parts) -> None:
        assert parts.binary is not None
        parts.binary = replace(parts.binary, **changes)  # type: ignore[arg-type]  # a table of any field

    return spoil


def image(change: Callable[[bytes], bytes]) -> Spoil:
    """Change the bytes of the right extension."""
    return lambda parts: parts.files.update({MODULE: change(compiled(Binary()))})


def file(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda parts: setattr(parts, "finish", lambda path: path.write_bytes(change(path.read_bytes())))


def cut(part: int) -> Spoil:
    return file(lambda data: data[: len(data) // part])


def moved(name: str) -> Spoil:
    return lambda parts: setattr(parts, "module", name)


def record(change: Callable[[list[str]], list[str]]) -> Spoil:
    return lambda parts: setattr(parts, "record", change)


def put(at: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda image: image[:at] + data + image[at + len(data) :]


def link(parts: Parts) -> None:
    entry = zipfile.ZipInfo("flash_attn/link.py")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    parts.unlisted.append((entry, b"/etc/passwd"))


def twice(parts: Parts) -> None:
    parts.unlisted.append(("flash_attn/__init__.py", b"import os\n"))


ROOTS = ("torch/__init__.py", "torch.py", "nvidia/__init__.py", "triton/a.py", "pip/__main__.py", "setuptools/x.py")
STARTS = ("x.pth", "distutils-precedence.pth", "sitecustomize.py", "usercustomize.py", "flash_attn/x.pth")
SCHEMES = ("scripts/pip", "scripts/python3", "purelib/torch/x.py", "platlib/x.pth", "data/etc/x", "headers/x")
MODULES = ("flash_attn/more.py", "flash_attn_2.py", "other/__init__.py", "hopper/x.txt", "top.py", "a/b/c/d.py")
MACHINE_CODE = ("torch/lib/x.so", "flash_attn/x.so", "libc10.so", "flash_attn.libs/libx.so.1", "x.abi3.so")
INFOS = ("entry_points.txt", "direct_url.json", "licenses/x.py", "RECORD.jws", "sboms/other.json", "x")
PATHS = ("../x.py", "/etc/x", "flash_attn/../../x", "flash_attn\\x.py", "C:/x", "flash_attn/\x01.py")
KINDS = (("fatbins", ("cu124_80",)), ("fatbins", ("cu124_units",)), ("fatbins", ("cu124_80_90", "cu124_80")))
NEEDS = ("libevil.so", "libtorch.so.1", "libcudart.so.13", "libcudart.so.11.0", "libpython3.10.so.1.0", "/tmp/x.so")  # noqa: S108  # a name
VERSIONS = ("GLIBC_9.99", "GLIBC_2.99", "GLIBC_2.14.7", "GLIBC_PRIVATE", "GLIBC_3.0")
SYMBOLS = (
    *((f"{CHECK_SYMBOL[:-2]}{end}", OLD_STRING) for end in ("jb", "jbPNS0_19CUDAErrorLogCaptureE", "ic")),
    *((CHECK_SYMBOL, NEW_STRING), (CHECK_SYMBOL,), (OLD_STRING,), (CHECK_SYMBOL, OLD_STRING, NEW_STRING)),
    (CHECK_SYMBOL, f"{CHECK_SYMBOL[:-2]}jb", OLD_STRING),
)

HOSTILE: dict[str, Spoil] = {
    **{f"packs {name}": packed(name) for name in (*ROOTS, *STARTS, *MODULES, *MACHINE_CODE, *PATHS)},
    **{f"installs {name}": packed(f"{DATA}/{name}") for name in SCHEMES},
    **{f"describes {name}": packed(f"{INFO}/{name}") for name in INFOS},
    **{f"has code {names}": module(fatbins=names) for _, names in KINDS},
    "has no code": module(fatbins=()),
    **{f"loads {name}": module(needed=("libc10.so", "libcudart.so.12", name)) for name in NEEDS},
    **{f"wants {version}": module(glibc=version) for version in VERSIONS},
    **{f"calls {number}": module(undefined=names) for number, names in enumerate(SYMBOLS)},
    "searches /tmp": module(rpath="/tmp"),  # noqa: S108  # a name
    "searches here": module(rpath="."),
    "is of another machine": module(e_machine=183),
    "has another name inside": module(defined="PyInit_other"),
    "changes a module": packed("flash_attn/__init__.py"),
    "changes an empty module": lambda parts: parts.files.update({"hopper/__init__.py": b"x"}),
    "brings a module twice": twice,
    "brings a link": link,
    "has no extension": lambda parts: setattr(parts, "binary", None),
    **{f"is for {tag}": moved(MODULE.replace("310", tag)) for tag in ("311", "310t")},
    "is named for no Python": moved("flash_attn_2_cuda.so"),
    "is of another project": lambda parts: parts.metadata.update({"Name": "torch"}),
    "is of another version": lambda parts: parts.metadata.update({"Version": "2.8.3"}),
    "asks for another torch": lambda parts: parts.metadata.update({"Requires-Dist": "torch==2.5.*"}),
    "asks for another Python": lambda parts: parts.metadata.update({"Requires-Python": ">=3.11"}),
    "has other tags": lambda parts: parts.wheel.update({"Tag": "py3-none-any"}),
    "is pure": lambda parts: parts.wheel.update({"Root-Is-Purelib": "true"}),
    "lists a false hash": lambda parts: setattr(
        parts, "record", lambda lines: [lines[0].replace("=", "=A"), *lines[1:]]
    ),
    "lists not all": lambda parts: setattr(parts, "record", lambda lines: lines[1:]),
    "lists more": lambda parts: setattr(parts, "record", lambda lines: [*lines, "x.pth,,"]),
    **{f"is cut at 1/{part}": cut(part) for part in (2, 3, 9)},
    "is no zip": file(lambda _: b"MZ"),
    "is empty": file(lambda _: b""),
    "has no ELF": image(lambda _: b"#!/bin/sh\n"),
    "has half an ELF": image(lambda data: data[: len(data) // 2]),
    "has 32 bits": image(put(4, b"\1")),
    "has no segments": image(put(56, b"\0\0")),
    "has too many segments": image(put(56, b"\xff\xff")),
    "has its segments elsewhere": image(put(32, b"\xff" * 8)),
}


def blessed(parts: Parts, directory: Path) -> Path:
    """Write the wheel, and a report beside it that has no findings whatever the audit said."""
    path = Maker(directory, compiled).write(parts, directory)
    said = audit.audit(path)
    report = Report(**{**vars(said), "ok": True, "findings": ()})
    beside(path, ".report.json", report.to_json())
    return path


def test_a_right_one_would_pass(server: GithubServer, tmp_path: Path) -> None:
    gate(server, finished(parts_of(wheel_name()), tmp_path))
    assert server.public("v2.7.4.post1").contents()


def gate(server: GithubServer, wheel: Path) -> None:
    github = repository(server)
    try:
        publish(
            [wheel],
            matrix=UNTESTED,
            means=Means(installed=installed, github=github, say=str, policy=policy(server)),
        )
    finally:
        github.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_wheel_is_refused(server: GithubServer, tmp_path: Path, name: str) -> None:
    parts = parts_of(wheel_name())
    HOSTILE[name](parts)
    with pytest.raises(GateError) as caught:
        gate(server, blessed(parts, tmp_path))
    assert caught.value.why
    assert server.requests == []


def test_there_are_many_of_them() -> None:
    assert len(HOSTILE) >= 80
