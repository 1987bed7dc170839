"""Tiny wheels of packages that others need, and simple indexes of them: a torch that only knows what it is."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from tests.wheelmaker import header, record_line

_TORCH = """
__version__ = "{version}"
def compiled_with_cxx11_abi(): return {abi}
class version: cuda = "{cuda}"
"""
_FLASH_ATTN = """
import torch
assert torch.__version__.split(".")[:2] == {series}, "undefined symbol: made for another torch"
assert torch.version.cuda.split(".")[0] == "{cuda_major}", "libcudart.so.{cuda_major}: cannot open shared object file"
assert torch.compiled_with_cxx11_abi() is {abi}, "undefined symbol: made for the other C++ ABI"
"""


def torch(release: str, cuda: str, *, abi: bool, local: bool, directory: Path) -> Path:
    """Write a torch; ``local`` says whether its version names the CUDA, as on PyTorch's indexes."""
    version = f"{release}+cu{cuda.replace('.', '')}" if local else release
    return package("torch", version, directory, module=_TORCH.format(version=version, abi=abi, cuda=cuda))


def flash_attn(series: str, cuda_major: int, *, abi: bool) -> bytes:
    """Give a module that only imports beside the torch it was made for, as the real one does."""
    return _FLASH_ATTN.format(series=series.split("."), cuda_major=cuda_major, abi=abi).encode()


def package(name: str, version: str, directory: Path, *, module: str = "") -> Path:
    """Write a wheel with one module, for any Python, that needs nothing."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": module.encode(),
        f"{info}/METADATA": header({"Metadata-Version": "2.1", "Name": name, "Version": version}),
        f"{info}/WHEEL": header({"Wheel-Version": "1.0", "Root-Is-Purelib": "true", "Tag": "py3-none-any"}),
    }
    lines = [record_line(path, data) for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,"]).encode()
    directory.mkdir(parents=True, exist_ok=True)
    made = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return made


def simple_page(directory: Path) -> None:
    """Write the page of a project, of the files that lie in its ``directory``."""
    links = [
        f'<a href="{one.name.replace("+", "%2B")}#sha256={hashlib.sha256(one.read_bytes()).hexdigest()}">{one.name}</a>'
        for one in sorted(directory.iterdir())
        if one.suffix in {".whl", ".gz"}
    ]
    (directory / "index.html").write_text("<!DOCTYPE html><html><body>" + "<br>".join(links) + "</body></html>")
