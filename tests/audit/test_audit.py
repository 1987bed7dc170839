from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from factory.audit import audit, checks, factrows
from factory.audit.report import Report
from factory.data import DATA
from factory.errors import AuditError
from factory.matrix.arch import Arch
from factory.wheel.facts import SBOM
from factory.wheel.madewith import MadeWith
from tests.kernelsets import INPUTS
from tests.wheelmaker import (
    CHECK_SYMBOL,
    EXPECTED,
    FILENAME,
    MODULE,
    MODULES,
    NEW_SYMBOL,
    OLD_STRING,
    Binary,
    Maker,
    Parts,
    record_line,
)

SCHEMA = json.loads((DATA / "report.schema.json").read_text(encoding="utf-8"))
MJUN = "flash_attn-2.8.3+cu128torch2.9"  # as mjun0812 names them
MJUN_310 = f"{MJUN}-cp310-cp310-linux_x86_64.whl"
MJUN_MANY = f"{MJUN}-cp310-cp310-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
# as oobabooga and kingbri1 do
OOBA_310 = "flash_attn-2.7.4.post1+cu124torch2.6.0cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"
FA3 = "flash_attn_3-3.0.0+cu128torch2.11gite2743ab"
NEWER = ("PyType_GetName", "PyModule_Create2")  # of Python's stable ABI, the first since 3.11
NEW_STRING = "_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"
INFO = FILENAME.split("-cp310")[0].lower() + ".dist-info"
GIB = 1 << 30

Spoil = Callable[[Parts], None]


def binary(**changes: object) -> Spoil:
    def spoil(parts: Parts) -> None:
        parts.binary = replace(Binary(), **changes)  # type: ignore[arg-type]  # a table of any field

    return spoil


def extra(name: str, data: bytes = b"x") -> Spoil:
    return lambda parts: parts.files.update({name: data})


def unlisted(entry: zipfile.ZipInfo | str, data: bytes = b"x") -> Spoil:
    return lambda parts: parts.unlisted.append((entry, data))


def metadata(**fields: str) -> Spoil:
    return lambda parts: parts.metadata.update({key.replace("_", "-"): value for key, value in fields.items()})


def wheel(**fields: str) -> Spoil:
    return lambda parts: parts.wheel.update({key.replace("_", "-"): value for key, value in fields.items()})


MADE_WITH = MadeWith(
    factory=None,
    backend="host",
    torch="2.6.0",
    kernels=INPUTS,
)


def toolkit(sample: str, archs: str, **changes: object) -> Spoil:
    def spoil(parts: Parts) -> None:
        parts.binary = Binary(fatbins=(sample,))
        parts.expected = replace(EXPECTED, archs=tuple(map(Arch.parse, archs.split())), **changes)  # type: ignore[arg-type]  # likewise

    return spoil


def attribute(name: str, value: object) -> Spoil:
    return lambda parts: setattr(parts, name, value)


def named(old: str, new: str) -> Spoil:
    return lambda parts: setattr(parts, "filename", FILENAME.replace(old, new))


def asked(**changes: object) -> Spoil:
    return lambda parts: setattr(parts, "expected", replace(EXPECTED, **changes))  # type: ignore[arg-type]  # likewise


def link(parts: Parts) -> None:
    entry = zipfile.ZipInfo("flash_attn/link.py")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    parts.unlisted.append((entry, b"/etc/passwd"))
    parts.record = lambda lines: [*lines, record_line(entry.filename, b"/etc/passwd")]


def mislabelled(parts: Parts) -> None:
    """Upstream's own mistake: a TRUE wheel under a FALSE name, with a cell that knows no better."""
    parts.binary = Binary(undefined=(CHECK_SYMBOL, NEW_STRING))
    parts.expected = None


def ours(*spoils: Spoil) -> Spoil:
    """Hold the wheel to a list of files, as one that was built here is."""

    def spoil(parts: Parts) -> None:
        files = MODULES | {"LICENSE": b"BSD"}
        listed = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        parts.expected = replace(EXPECTED, installed=listed)
        parts.files[f"{INFO}/{SBOM}"] = b"{}"
        for one in spoils:
            one(parts)

    return spoil


def others(filename: str, module: str = MODULE, **changes: object) -> Spoil:
    """Name it as others do, in another scheme than ours."""

    def spoil(parts: Parts) -> None:
        parts.filename, parts.module, parts.expected = filename, module, None
        parts.binary = replace(Binary(), **changes)  # type: ignore[arg-type]  # a table of any field

    return spoil


def unreported(**changes: object) -> Spoil:
    """Leave its name alone to say what it is."""
    return others(FILENAME, MODULE, **changes)


def promised_by_its_name(parts: Parts) -> None:
    parts.filename = FILENAME.replace("linux_x86_64", "manylinux_2_28_x86_64")
    parts.binary = Binary(glibc="GLIBC_2.34")
    parts.expected = None


def raw(change: Callable[[bytes], bytes]) -> Spoil:
    return attribute("finish", lambda path: path.write_bytes(change(path.read_bytes())))


def flip_in_the_module(data: bytes) -> bytes:
    """Flip one compressed byte of the module, which leaves the directory of the zip as it was."""
    at = data.index(MODULE.encode()) + len(MODULE) + 200
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def grow(path: Path) -> None:
    """Put 2 GiB of nothing (a hole, on disk) before the zip, which zip allows."""
    data = path.read_bytes()
    with path.open("wb") as stream:
        stream.seek(2 * GIB)
        stream.write(data)


WRONG: list[tuple[str, Spoil, str]] = [
    ("readable", raw(lambda data: data[: len(data) // 2]), "not a whole zip"),
    ("readable", raw(lambda _: b""), "not a whole zip"),
    ("readable", raw(lambda _: b"<html>404</html>"), "not a whole zip"),
    ("readable", raw(flip_in_the_module), "cannot be read"),
    ("readable", extra("other-1.dist-info/METADATA", b"Name: other\n"), "2 described .dist-info"),
    ("readable", extra(f"{INFO}/METADATA", b"Name: flash_attn\n" + b"x" * 5_000_000), "bytes; at most"),
    ("readable", extra(MODULE, b"\x7fELF no more"), "is not a readable shared object"),
    ("size", attribute("finish", grow), "the limit is"),
    ("wheel_name", others("flash_attn-2.8.3%2Bcu128torch2.8-cp310-cp310-linux_x86_64.whl"), "Invalid wheel filename"),
    ("file_name", named("+cu12torch2.6cxx11abiFALSE", ""), "is not named like"),
    ("file_name", named("cp310-cp310", "cp310-none"), "must have CPython tags such as cp310-cp310"),
    ("cell", named("torch2.6", "torch2.5"), "torch 2.5, asked for was 2.6"),
    ("cell", named("2.7.4.post1", "2.8.3"), "flash-attn 2.8.3, asked for was 2.7.4.post1"),
    ("cell", named("abiFALSE", "abiTRUE"), "cxx11abi TRUE, asked for was FALSE"),
    ("cell", named("linux_x86_64", "linux_aarch64"), "linux_aarch64, asked for was x86_64"),
    ("profile", named("abiFALSE", "abiFALSE.smoke"), "profile smoke, built was full"),
    ("profile", asked(profile="smoke"), "profile full, built was smoke"),
    ("metadata", metadata(Version="2.7.4.post1"), "has Version 2.7.4.post1"),
    ("metadata", metadata(Version="2.7.4.post1+cu12torch2.6cxx11abitrue"), "has Version"),
    ("metadata", metadata(Name="flash_attn_3"), "has Name flash_attn_3"),
    ("tags", wheel(Tag="cp311-cp311-linux_x86_64"), "WHEEL has cp311-cp311"),
    ("tags", wheel(Tag="cp310.cp311-cp310-linux_x86_64"), "WHEEL has"),
    ("purelib", wheel(Root_Is_Purelib="true"), "Root-Is-Purelib: true"),
    ("requires_python", metadata(Requires_Python=">=3.11"), "does not admit Python 3.10"),
    ("requires_python", metadata(Requires_Python="three"), "no version specifier"),
    ("requires_torch", metadata(Requires_Dist="torch"), "METADATA requires torch, not torch==2.6.*"),
    ("requires_torch", metadata(Requires_Dist="torch==2.7.*"), "requires torch==2.7.*, not"),
    ("requires_torch", metadata(Requires_Dist="torch>=2.6"), "requires torch>=2.6, not"),
    ("requires_torch", metadata(Requires_Dist="einops"), "requires no torch, not"),
    ("members", extra("../evil.py"), "'../evil.py' is not a safe path"),
    ("members", extra("/etc/evil.py"), "not a safe path"),
    ("members", extra("flash_attn\\evil.py"), "not a safe path"),
    ("members", link, "'flash_attn/link.py' is a link"),
    ("members", unlisted("hopper/__init__.py", b""), "is there 2 times"),
    ("record", unlisted("flash_attn/more.py"), "flash_attn/more.py is not listed"),
    ("record", attribute("record", lambda lines: [*lines, "gone.py,sha256=x,1"]), "gone.py is listed but not there"),
    ("record", attribute("record", lambda lines: [*lines, lines[0]]), "is listed 2 times"),
    ("record", attribute("record", lambda lines: [lines[0].replace("=", "=A"), *lines[1:]]), "listed is sha256=A"),
    ("record", attribute("record", lambda lines: [lines[0] + "0", *lines[1:]]), "listed are"),
    ("record", attribute("record", lambda lines: ["flash_attn/__init__.py,,", *lines[1:]]), "no hash"),
    ("bundled", extra("flash_attn.libs/libcudart-1a2b3c.so.12"), "libcudart-1a2b3c.so.12"),
    ("bundled", extra("flash_attn/lib/libtorch_cpu.so"), "libtorch_cpu.so"),
    ("bundled", extra("flash_attn/libown.so"), "libown.so"),
    ("cute", extra("flash_attn/cute/__init__.py"), "flash_attn/cute/__init__.py"),
    ("stray", extra("flash_attn/flash_fwd.cu"), "flash_attn/flash_fwd.cu"),
    ("stray", extra("hopper/x.o"), "hopper/x.o"),
    ("installed", ours(extra("flash_attn/more.py")), "flash_attn/more.py is not upstream's"),
    ("installed", ours(extra("hopper/__init__.py", b"import os")), "hopper/__init__.py is not as upstream's"),
    ("installed", ours(extra(f"{INFO}/entry_points.txt", b"[console_scripts]\npip=x:y")), "entry_points.txt is not"),
    ("installed", ours(extra(f"{INFO}/licenses/LICENSE", b"none")), "LICENSE is not as upstream's"),
    ("installed", ours(extra(f"{INFO}/licenses/NOTICE", b"none")), "NOTICE is not upstream's"),
    ("installed", ours(asked(installed={"flash_attn/gone.py": "0" * 64})), "flash_attn/gone.py is not there"),
    ("installed", ours(lambda parts: parts.files.clear()), f"{SBOM} is not there"),
    ("intruders", extra("evil.pth", b"import os"), "evil.pth"),
    ("intruders", extra("torch/__init__.py"), "torch/__init__.py"),
    ("intruders", extra("torch.py"), "torch.py"),
    ("intruders", extra("nvidia/cublas/lib/x.py"), "nvidia/cublas/lib/x.py"),
    ("intruders", extra("sitecustomize.py"), "sitecustomize.py"),
    ("intruders", extra(f"{INFO.removesuffix('dist-info')}data/scripts/pip"), "data/scripts/pip"),
    ("intruders", extra(f"{INFO.removesuffix('dist-info')}data/purelib/evil.py"), "data/purelib/evil.py"),
    ("build_path", extra("flash_attn/where.py", b'HERE = "/home/builder/secret/tree"'), "where.py holds /home/builder"),
    ("build_path", binary(strings=("/srv/work/torch/include/c10/util/Exception.h",)), "holds /srv/work/torch"),
    ("extension", attribute("module", MODULE.replace("310", "311")), "cpython-311"),
    ("extension", attribute("module", f"flash_attn/{MODULE}"), f"modules are flash_attn/{MODULE}"),
    ("extension", attribute("binary", None), "modules are none"),
    ("extension", extra("flash_attn/other.cpython-310-x86_64-linux-gnu.so"), "flash_attn/other.cpython-310"),
    ("extension", binary(defined="PyInit_other"), "does not define PyInit_flash_attn_2_cuda"),
    ("extension", binary(e_machine=183), "is for aarch64"),
    ("loadable", others(f"{MJUN}-cp310-cp310-linux_aarch64.whl"), "is for x86_64, the name says aarch64"),
    ("loadable", others(f"{MJUN}-cp311-cp311-linux_x86_64.whl"), "is for Python 3.10, the name says 3.11"),
    (
        "abi3",
        others(f"{FA3}-cp39-abi3-linux_x86_64.whl", module="a/_C.abi3.so", undefined=NEWER),
        "calls PyType_GetName",
    ),
    (
        "cxx11abi",
        others(OOBA_310, undefined=(NEW_STRING,)),
        "has TRUE, asked for was FALSE",
    ),
    ("cxx11abi", binary(undefined=(CHECK_SYMBOL, NEW_STRING)), "has TRUE, asked for was FALSE"),
    ("cxx11abi", binary(undefined=(CHECK_SYMBOL,)), "no symbol of torch that tells it"),
    ("cxx11abi", mislabelled, "has TRUE, asked for was FALSE"),
    ("archs", asked(archs=(Arch(8, 0),)), "also has sm_90"),
    ("archs", asked(archs=(Arch(8, 0), Arch(9, 0), Arch(10, 0))), "lacks sm_100"),
    ("archs", asked(archs=(Arch(8, 0), Arch(9, 0, ptx=True))), "lacks compute_90"),
    ("archs", asked(archs=(Arch(8, 0), Arch(9, 0, "a"))), "lacks sm_90a"),
    ("archs", binary(fatbins=()), "holds no GPU code"),
    (
        "strays",
        binary(hidden=("cu124_80_90",)),
        "fat binaries that no section tells of, or that are not loaded, at 0x",
    ),
    ("strays", binary(fatbins=(), hidden=("cu124_80_90",) * 5), " and 2 more"),
    ("fatbins", binary(fatbins=("cu124_80_90", "cu124_80", "cu124_80_90")), "2 with sm_80 sm_90; 1 with sm_80"),
    ("compression", asked(made_with=replace(MADE_WITH, compression="balance")), "has lz4, asked for was balance"),
    (
        "toolkit",
        toolkit("cu130_plain", "8.0+PTX"),
        "has machine code of CUDA 13.0, which the drivers of CUDA 12 do not",
    ),
    ("toolkit", toolkit("cu130_plain", "8.0+PTX", made_with=MADE_WITH), "its kernels were compiled with 12.4.131"),
    ("needed", binary(needed=("libc10.so", "libcudart.so.13")), "needs libcudart.so.13"),
    ("needed", binary(needed=("libc10.so",)), "does not need libcudart.so.12"),
    ("needed", binary(needed=("libcudart.so.12",)), "does not need libc10.so"),
    ("needed", binary(needed=("libc10.so", "libcudart.so.12", "libnvrtc.so.12")), "needs libnvrtc.so.12"),
    ("runtime", others("flash_attn-2.8.3+cu130torch2.9-cp310-cp310-linux_x86_64.whl"), "the name says CUDA 13.0"),
    ("rpath", binary(rpath="/opt/venv/lib"), "searches /opt/venv/lib"),
    ("rpath", binary(rpath="$ORIGIN/../torch/lib:"), "searches the current directory"),
    ("torch_symbol", asked(check_symbol=CHECK_SYMBOL[:-2] + "jb"), f"calls {CHECK_SYMBOL}; torch has"),
    ("torch_symbol", unreported(undefined=(NEW_SYMBOL, OLD_STRING)), f"calls {NEW_SYMBOL}; torch has {CHECK_SYMBOL}"),
    ("torch_release", others(f"{MJUN[:-1]}10-cp310-cp310-linux_x86_64.whl"), "older than 2.10, the name says 2.10"),
    (
        "torch_release",
        others(MJUN_310, undefined=(NEW_SYMBOL,)),
        "needs torch 2.10 or newer",
    ),
    (
        "torch_release",
        others(MJUN_310, undefined=("torch_from_blob",)),
        "needs torch 2.11",
    ),
    (
        "glibc",
        others(MJUN_MANY, glibc="GLIBC_2.28"),
        "promised was manylinux_2_24",
    ),
    ("glibc", others("flash_attn-2.8.3-cp310-cp310-manylinux2014_x86_64.whl", glibc="GLIBC_2.28"), "manylinux_2_17"),
    ("glibc", others("flash_attn-2.8.3-cp310-cp310-linux_x86_64.whl", glibc="GLIBC_2.99"), "needs GLIBC_2.99"),
    ("glibc", binary(glibc="GLIBC_2.34"), "fits manylinux_2_34_x86_64, promised was manylinux_2_28"),
    ("glibc", unreported(glibc="GLIBC_9.99"), "needs GLIBC_9.99"),
    ("glibc", unreported(glibc="GLIBC_2.14.7"), "needs GLIBC_2.14.7"),
    ("glibc", unreported(glibc="GLIBC_PRIVATE"), "needs GLIBC_PRIVATE"),
    ("glibc", promised_by_its_name, "fits manylinux_2_34_x86_64, promised was manylinux_2_28"),
    ("glibc", binary(glibc="GLIBC_2.99"), "fits linux_x86_64, promised was manylinux_2_28"),
]


@pytest.mark.parametrize(("check", "spoil", "evidence"), WRONG, ids=[f"{w[0]}-{n}" for n, w in enumerate(WRONG)])
def test_caught_by_exactly_that_check(maker: Maker, tmp_path: Path, check: str, spoil: Spoil, evidence: str) -> None:
    parts = Parts()
    spoil(parts)
    report = audit.audit(maker.write(parts, tmp_path), parts.expected)
    assert [finding.check for finding in report.findings] == [check]
    assert any(evidence in line for line in report.findings[0].evidence)
    jsonschema.validate(json.loads(report.to_json()), SCHEMA)


def test_every_check_is_in_the_table() -> None:
    assert {case[0] for case in WRONG} == {check.__name__ for check in checks.CHECKS}


RIGHT: list[Spoil] = [
    binary(),
    asked(made_with=MADE_WITH),
    attribute("expected", None),
    named("FALSE", "false"),
    metadata(Version="2.7.4.post1+cu12torch2.6cxx11abiFALSE"),
    metadata(Name="flash-attn"),
    binary(rpath="$ORIGIN/../torch/lib"),
    binary(glibc="GLIBC_2.28"),
    unreported(glibc="GLIBC_2.43"),
    others(MJUN_310),
    others(MJUN_MANY, glibc="GLIBC_2.24"),
    others(OOBA_310),
    others(f"{FA3}-cp310-abi3-linux_x86_64.whl", module="flash_attn_3/_C.abi3.so", undefined=("PyModule_Create2",)),
    others("xformers-0.0.35-py39-none-linux_x86_64.whl", module="xformers/_C.so", undefined=("torch_call_dispatcher",)),
    ours(),
    ours(extra(f"{INFO}/LICENSE", b"BSD"), extra(f"{INFO}/top_level.txt")),
    ours(extra(f"{INFO}/licenses/LICENSE", b"BSD")),
    unlisted("flash_attn/", b""),
]


@pytest.mark.parametrize("vary", RIGHT)
def test_a_right_wheel_passes(maker: Maker, tmp_path: Path, vary: Spoil) -> None:
    parts = Parts()
    vary(parts)
    report = audit.audit(maker.write(parts, tmp_path), parts.expected)
    assert report.findings == ()
    assert report.ok
    jsonschema.validate(json.loads(report.to_json()), SCHEMA)


def test_a_report_cautions_of_the_gil_where_the_wheel_is_for_a_python_without_it(maker: Maker, tmp_path: Path) -> None:
    plain = audit.audit(maker.write(Parts(), tmp_path))
    report = audit.audit(maker.write(Parts(filename=FILENAME.replace("cp310-cp310", "cp314-cp314t")), tmp_path))
    cautions = dict(factrows.rows(report))["caution"]
    assert "without the GIL" in cautions
    assert report.facts["cautions"] == [cautions]
    assert plain.facts["cautions"] == []
    for one in (plain, report):
        jsonschema.validate(json.loads(one.to_json()), SCHEMA)


@pytest.mark.parametrize("sample", ["cu124_units", "cu130_families"])
def test_family_and_accelerated_architectures_are_told_apart(maker: Maker, tmp_path: Path, sample: str) -> None:
    archs = {
        "cu124_units": "8.0 8.9+PTX 9.0 9.0a",
        "cu130_families": "8.0 9.0a+PTX 10.0 10.0a 12.0a 12.0f+PTX",
    }
    major = sample[2:4]
    needed = ("libc10.so", f"libcudart.so.{major}")
    parts = Parts(binary=Binary(fatbins=(sample,), needed=needed), filename=FILENAME.replace("cu12", f"cu{major}"))
    asked_for = replace(
        EXPECTED,
        archs=tuple(Arch.parse(arch) for arch in archs[sample].split()),
        cuda_major=int(major),
        cuda=f"{major}.{sample[4]}",
    )
    assert audit.audit(maker.write(parts, tmp_path), asked_for).findings == ()


def test_machine_code_of_a_newer_minor_is_caught(maker: Maker, tmp_path: Path) -> None:
    needed = ("libc10.so", "libcudart.so.13")
    parts = Parts(binary=Binary(fatbins=("cu135_concat",), needed=needed), filename=FILENAME.replace("cu12", "cu13"))
    archs = tuple(map(Arch.parse, ["8.0+PTX", "9.0", "9.0a", "10.0f+PTX"]))
    made = maker.write(parts, tmp_path)
    asked_for = replace(EXPECTED, archs=archs, cuda_major=13, cuda="13.5")
    assert audit.audit(made, asked_for).ok
    (found,) = audit.audit(made, replace(asked_for, cuda="13.0")).findings
    assert found.check == "toolkit"
    assert "machine code of CUDA 13.5, and is for CUDA 13.0" in found.evidence[0]


def test_several_faults_are_all_reported(maker: Maker, tmp_path: Path) -> None:
    parts = Parts(binary=Binary(rpath="/opt/lib", needed=("libc10.so",)), wheel={"Root-Is-Purelib": "true"})
    report = audit.audit(maker.write(parts, tmp_path), EXPECTED)
    assert [finding.check for finding in report.findings] == ["purelib", "needed", "rpath"]


def test_facts_are_those_of_the_wheel(maker: Maker, tmp_path: Path) -> None:
    wheel_path = maker.write(Parts(), tmp_path)
    report = audit.audit(wheel_path, EXPECTED)
    facts = json.loads(report.to_json())["facts"]
    assert report.size == wheel_path.stat().st_size
    assert facts["extensions"][0]["archs"] == ["sm_80", "sm_90"]
    assert facts["extensions"][0]["units"] == 2
    assert facts["extensions"][0]["platform"] == "manylinux_2_17_x86_64"
    assert facts["extensions"][0]["symbol_versions"] == {"GLIBC": "2.14", "GLIBCXX": None, "CXXABI": None}
    assert facts["expected"]["archs"] == ["8.0", "9.0"]
    assert "/home/builder" not in report.to_json()


def test_every_wheel_is_audited_before_it_fails(maker: Maker, tmp_path: Path) -> None:
    for name in ("bad", "good", "none"):
        (tmp_path / name).mkdir()
    bad = maker.write(Parts(wheel={"Root-Is-Purelib": "true"}), tmp_path / "bad")
    good = maker.write(Parts(), tmp_path / "good")
    missing = tmp_path / "none" / FILENAME
    kept: list[Report] = []
    with pytest.raises(AuditError) as caught:
        audit.run([missing, tmp_path, bad, good], expect=lambda _: EXPECTED, keep=kept.append)
    assert len(caught.value.why) == 3
    assert [report.ok for report in kept] == [False, True]
    assert "No such file" in caught.value.why[0]
    assert "Is a directory" in caught.value.why[1]
    assert "Root-Is-Purelib: true" in caught.value.why[2]
    assert json.loads(audit.report_path(good).read_text())["ok"] is True
    assert json.loads(audit.report_path(bad).read_text())["findings"][0]["check"] == "purelib"
    assert caught.value.remedy.splitlines() == [
        "Do not publish what has findings. Remove it and build it again: nox -s build",
        "Give the path of a finished wheel: nox -s audit -- dist/*.whl",
    ]


def test_a_file_that_is_not_there_is_not_to_be_removed(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match=r"the audit of 1 wheel has 1 finding\n") as caught:
        audit.run([tmp_path / FILENAME])
    assert caught.value.remedy == "Give the path of a finished wheel: nox -s audit -- dist/*.whl"


def test_one_finding_is_one(maker: Maker, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(AuditError, match="If that was here: remove it and build it again"):
        audit.run([maker.write(Parts(wheel={"Root-Is-Purelib": "true"}), tmp_path)], say=said.append)
    assert said == [f"audit: {FILENAME}: 1 finding"]


def test_a_passing_run_gives_the_reports_and_says_so(maker: Maker, tmp_path: Path) -> None:
    said: list[str] = []
    reports = audit.run([maker.write(Parts(), tmp_path)], say=said.append)
    assert [report.ok for report in reports] == [True]
    assert said == [f"audit: {FILENAME}: passed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILENAME, f"{FILENAME}.report.json"]


def test_a_wheel_of_others_that_is_tied_to_no_torch_is_said_to_be_so(maker: Maker, tmp_path: Path) -> None:
    said: list[str] = []
    (report,) = audit.run([maker.write(Parts(metadata={"Requires-Dist": "torch"}), tmp_path)], say=said.append)
    assert report.ok
    assert said[0].startswith(f"audit: {FILENAME}: passed; nothing in its METADATA ties it to torch 2.6")


def test_an_audit_after_the_build_s_holds_the_same_file_to_no_less(maker: Maker, tmp_path: Path) -> None:
    path = maker.write(Parts(), tmp_path)
    (first,) = audit.run([path], expect=lambda _: EXPECTED)
    (again,) = audit.run([path], expect=audit.known)
    assert audit.known(path) == replace(EXPECTED, build_paths=())
    held = first.facts["expected"]
    assert isinstance(held, dict)
    assert again.facts["expected"] == held | {"build_paths": 0}
    maker.write(Parts(files={"extra.py": b""}), tmp_path)
    assert audit.known(path) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"facts": {"expected": 3}}'])
def test_a_report_that_is_none_holds_a_wheel_to_its_name(maker: Maker, tmp_path: Path, text: str) -> None:
    path = maker.write(Parts(), tmp_path)
    audit.report_path(path).write_text(text)
    assert audit.known(path) is None


def test_a_report_that_cannot_be_written_is_said(maker: Maker, tmp_path: Path) -> None:
    report = audit.audit(maker.write(Parts(), tmp_path), EXPECTED)
    with pytest.raises(AuditError, match="cannot be written"):
        audit.write(report, tmp_path / "no such directory" / "report.json")


fuzzed = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=8)


def mutate(data: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    """Alter bytes at places given as shares of the length, and keep only the first part."""
    spoilt = bytearray(data)
    for place, mask in changes:
        spoilt[int(place * len(data))] ^= mask
    return bytes(spoilt[: int(kept * len(data))])


@fuzzed
@given(changes=flips, kept=st.just(1.0) | st.floats(0, 1))
def test_a_damaged_wheel_gives_a_report(
    maker: Maker, tmp_path: Path, changes: list[tuple[float, int]], kept: float
) -> None:
    parts = Parts()
    parts.finish = lambda path: path.write_bytes(mutate(path.read_bytes(), changes, kept))
    assert isinstance(audit.audit(maker.write(parts, tmp_path), EXPECTED), Report)


@fuzzed
@given(changes=flips, kept=st.just(1.0) | st.floats(0, 1))
def test_a_damaged_module_gives_a_report(
    maker: Maker, tmp_path: Path, changes: list[tuple[float, int]], kept: float
) -> None:
    module = mutate(maker.compiled(Binary()), changes, kept)
    report = audit.audit(maker.write(Parts(files={MODULE: module}), tmp_path), EXPECTED)
    jsonschema.validate(json.loads(report.to_json()), SCHEMA)


@fuzzed
@given(name=st.sampled_from(["METADATA", "WHEEL", "RECORD"]), text=st.binary(max_size=200))
@example(name="METADATA", text=b"Name: \xff\nVersion: \x00")
@example(name="WHEEL", text=b"Tag: a-b-c\nTag: -\nRoot-Is-Purelib: \xff")
@example(name="RECORD", text=b'"a\n,b,c\x00')
def test_any_text_in_dist_info_gives_a_report(maker: Maker, tmp_path: Path, name: str, text: bytes) -> None:
    report = audit.audit(maker.write(Parts(files={f"{INFO}/{name}": text}), tmp_path), EXPECTED)
    audit.write(report, tmp_path / "report.json")
    jsonschema.validate(json.loads((tmp_path / "report.json").read_text()), SCHEMA)


def test_a_wheel_of_another_project_is_told_what_is_true_of_it(maker: Maker, tmp_path: Path) -> None:
    parts = Parts(filename="flash_attn_4-4.0.0b36-py3-none-any.whl", binary=None, expected=None)
    parts.metadata = {"Name": "flash-attn-4", "Version": "4.0.0b36"}
    parts.wheel = {"Root-Is-Purelib": "true", "Tag": "py3-none-any"}
    parts.files = {"flash_attn/cute/__init__.py": b""}
    path = maker.write(parts, tmp_path)
    assert audit.audit(path).findings == ()
    parts.wheel["Root-Is-Purelib"] = "yes"
    parts.files["flash_attn/_C.so"] = b""
    with pytest.raises(AuditError) as caught:
        audit.run([maker.write(parts, tmp_path)])
    assert "purelib" in caught.value.why[0]
    assert "build it again" not in caught.value.remedy


def test_a_glibc_that_no_system_has_is_found_without_a_report(maker: Maker, tmp_path: Path) -> None:
    path = maker.write(Parts(binary=Binary(glibc="GLIBC_2.99"), expected=None), tmp_path)
    (found,) = audit.audit(path).findings
    assert found.check == "glibc"
    assert "GLIBC_2.99" in found.evidence[0]
