"""Makes small wheels with a real extension module: gcc compiles it, real nvcc output is in its fat binary."""

from __future__ import annotations

import base64
import hashlib
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from factory.matrix.arch import Arch
from factory.system import process
from factory.wheel.facts import Expected

SAMPLES = Path(__file__).parent / "data" / "fatbin"
CHECK_SYMBOL = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"
NEW_SYMBOL = "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_jb"
OLD_STRING = "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs"
MODULE = "flash_attn_2_cuda.cpython-310-x86_64-linux-gnu.so"
FILENAME = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"
MODULES = {"flash_attn/__init__.py": b'__version__ = "2.7.4.post1"\n', "hopper/__init__.py": b""}
EXPECTED = Expected(
    flash_attn="2.7.4.post1",
    cuda_major=12,
    torch="2.6",
    python="3.10",
    cxx11abi=False,
    profile="full",
    machine="x86_64",
    archs=(Arch(8, 0), Arch(9, 0)),
    manylinux="manylinux_2_28",
    check_symbol=CHECK_SYMBOL,
    cuda="12.4",
    build_paths=("/home/builder/secret",),
)


@dataclass(frozen=True, kw_only=True)
class Binary:
    """An extension module to be; the defaults make a right one. ``hidden`` are fat binaries among its plain data."""

    defined: str = "PyInit_flash_attn_2_cuda"
    undefined: tuple[str, ...] = (CHECK_SYMBOL, OLD_STRING)
    needed: tuple[str, ...] = ("libc10.so", "libtorch_cpu.so", "libcudart.so.12", "libstdc++.so.6")
    glibc: str = "GLIBC_2.14"
    rpath: str | None = None
    strings: tuple[str, ...] = ("csrc/flash_attn/flash_api.cpp", "/usr/include/c++/12/bits/stl_vector.h")
    fatbins: tuple[str, ...] = ("cu124_80_90", "cu124_80_90")
    hidden: tuple[str, ...] = ()
    e_machine: int = 62


@dataclass(kw_only=True)
class Parts:
    """A wheel to be. ``record`` edits the lines of RECORD, ``finish`` the finished file; tests spoil one of these."""

    filename: str = FILENAME
    binary: Binary | None = field(default_factory=Binary)
    module: str = MODULE
    metadata: dict[str, str] = field(default_factory=dict)
    wheel: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    unlisted: list[tuple[zipfile.ZipInfo | str, bytes]] = field(default_factory=list)
    record: Callable[[list[str]], list[str]] = list
    finish: Callable[[Path], object] = str
    expected: Expected | None = EXPECTED

    def contents(self, module: bytes | None) -> dict[str, bytes]:
        project, version = self.filename.lower().split("-")[:2]
        info = f"{project}-{version}.dist-info"
        tag = "-".join(self.filename.removesuffix(".whl").split("-")[-3:])
        metadata = {"Metadata-Version": "2.1", "Name": project, "Version": version, "Requires-Python": ">=3.9"}
        metadata |= {"Requires-Dist": "torch==2.6.*"}
        wheel = {"Wheel-Version": "1.0", "Root-Is-Purelib": "false", "Tag": tag}
        files = MODULES | ({} if module is None else {self.module: module})
        files |= {f"{info}/METADATA": header(metadata | self.metadata), f"{info}/WHEEL": header(wheel | self.wheel)}
        files |= self.files
        lines = [record_line(name, data) for name, data in files.items()]
        return {f"{info}/RECORD": "\n".join(self.record([*lines, f"{info}/RECORD,,"])).encode()} | files


def header(fields: dict[str, str]) -> bytes:
    return "".join(f"{key}: {value}\n" for key, value in fields.items()).encode()


def record_line(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}"


@dataclass(frozen=True)
class Maker:
    """Writes wheels, compiling each different module once. ``scratch`` is its own directory."""

    scratch: Path
    compiled: Callable[[Binary], bytes]

    def write(self, parts: Parts, directory: Path) -> Path:
        path = directory / parts.filename
        module = None if parts.binary is None else self.compiled(parts.binary)
        with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            warnings.filterwarnings("ignore", message="Duplicate name")
            for name, data in [*parts.contents(module).items(), *parts.unlisted]:
                archive.writestr(name, data)
        parts.finish(path)
        return path


def compile_module(binary: Binary, scratch: Path) -> bytes:
    stubs = [_stub(name, binary.glibc, scratch) for name in ("libc.so.6", *binary.needed)]
    source = scratch / "module.c"
    source.write_text(_source(binary))
    rpath = [] if binary.rpath is None else [f"-Wl,-rpath,{binary.rpath}"]
    output = scratch / "module.so"
    _gcc(["-Wl,--no-as-needed", *rpath, "-o", output, source, *stubs])
    image = bytearray(output.read_bytes())
    image[18:20] = binary.e_machine.to_bytes(2, "little")
    return bytes(image)


def _source(binary: Binary) -> str:
    called = "".join(f'extern void f{n}(void) __asm__("{name}");' for n, name in enumerate(binary.undefined))
    calls = "".join(f"f{n}," for n in range(len(binary.undefined)))
    strings = "".join(f'"{string}",' for string in binary.strings)
    fatbin = _gpu_code('.section .nv_fatbin,\\"a\\"', binary.fatbins) + _gpu_code(".data", binary.hidden)
    return f"""
        {called}
        extern void memcpy(void);
        void (*const calls[])(void) = {{ {calls} memcpy }};
        const char *const strings[] = {{ {strings} }};
        void {binary.defined}(void) {{}}
        {fatbin}
    """


def _gpu_code(section: str, names: tuple[str, ...]) -> str:
    included = "".join(f'\\n.balign 8\\n.incbin \\"{SAMPLES / name}.bin\\"' for name in names)
    return f'__asm__("{section}{included}\\n.text");' if names else ""


def _stub(soname: str, glibc: str, scratch: Path) -> Path:
    """Make a library that only has a name; libc also has one versioned symbol, as the real one has."""
    (scratch / "stub.c").write_text("void memcpy(void) {}" if soname == "libc.so.6" else "")
    (scratch / "versions").write_text(f"{glibc} {{ memcpy; }};" if soname == "libc.so.6" else "NOTHING { };")
    path = scratch / soname
    _gcc([f"-Wl,-soname,{soname}", f"-Wl,--version-script={scratch / 'versions'}", "-o", path, scratch / "stub.c"])
    return path


def _gcc(arguments: list[str | Path]) -> None:
    flags = ["-shared", "-nostdlib", "-fPIC", "-fno-builtin", "-O1"]
    done = process.run(["gcc", *flags, *arguments])
    assert done.ok, done.stderr
