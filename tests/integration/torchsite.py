"""Package indexes as a machine with torch meets them: everyone's, PyTorch's for each CUDA, and the factory's own."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from factory.index.beside import Beside
from factory.index.index import index
from factory.index.published import Published
from factory.matrix import wheelname
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, State
from factory.wheel import torchpin
from tests import stubwheels
from tests.frozen import MATRIX
from tests.samplewheels import BUILDS, FACTS, NOTHING, named
from tests.serving import serving
from tests.wheelmaker import Maker, Parts

EINOPS = "0.8.2"
RULES = load_matrix(MATRIX.read_bytes())
CELLS = tuple(row.cell for row in expand(RULES) if row.state is State.BUILD)


@dataclass(frozen=True, kw_only=True)
class TorchSite:
    """What is served at ``url`` from ``root``: ``default/``, ``pytorch/cu124/`` and the like, and ``site/``."""

    root: Path
    url: str
    wheels: tuple[Published, ...]

    def pytorch(self, cuda: str) -> str:
        return f"{self.url}pytorch/{cuda}/"

    def ours(self, path: str) -> str:
        return f"{self.url}site/{path}/"


@contextlib.contextmanager
def served(root: Path, cells: Sequence[Cell] = CELLS) -> Iterator[TorchSite]:
    """Serve an index with a wheel of every one of ``cells`` beside stand-ins of the others."""
    _default(root / "default")
    for build in sorted(BUILDS, key=lambda build: (build.cuda, build.series)):
        directory = root / "pytorch" / f"cu{build.cuda.replace('.', '')}" / "torch"
        release = RULES.torch[build.series].release
        stubwheels.torch(release, build.cuda, abi=build.cxx11_abi, local=True, directory=directory)
    for directory in root.glob("pytorch/*/torch"):
        stubwheels.simple_page(directory)
    handler = functools.partial(_Quiet, directory=root)
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        wheels = tuple(_published(cell, root, url) for cell in cells)
        facts = replace(FACTS, others=dict([_einops(root)]))
        index(wheels, facts=facts, former=NOTHING, out=root / "site", say=lambda _: None)
        yield TorchSite(root=root, url=url, wheels=wheels)


def _einops(root: Path) -> tuple[Beside, bytes]:
    """Make an einops that is newer than everyone's, as what the factory's index has beside flash-attn."""
    wheel = stubwheels.package("einops", EINOPS, root / "beside")
    content = wheel.read_bytes()
    row = Beside(
        project="einops",
        filename=wheel.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        uploaded="2026-11-22T10:00:00Z",
        requires_python=">=3.9",
    )
    return row, content


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _default(root: Path) -> None:
    """Fill everyone's index: einops, one torch a release, and of flash-attn only what would have to be built."""
    stubwheels.package("einops", "0.8.1", root / "einops")
    for torch in RULES.torch.values():
        for build in torch.builds:
            if build.index_url is None:
                directory = root / "torch"
                stubwheels.torch(torch.release, build.cuda, abi=build.cxx11abi, local=False, directory=directory)
    (root / "flash-attn").mkdir()
    for version in RULES.flash_attn:
        sdist = root / "flash-attn" / f"flash_attn-{version}.tar.gz"
        with tarfile.open(sdist, "w:gz") as archive:
            entry = tarfile.TarInfo(f"flash_attn-{version}/setup.py")
            text = b"raise SystemExit('this would compile for hours')\n"
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    for directory in root.iterdir():
        stubwheels.simple_page(directory)


def _published(cell: Cell, root: Path, url: str) -> Published:
    """Put the wheel of ``cell`` and its METADATA where a release would have them."""
    name = wheelname.wheel_filename(cell)
    directory = root / "releases" / f"v{cell.flash_attn}"
    directory.mkdir(parents=True, exist_ok=True)
    pin = torchpin.requirement(cell.torch)
    module = stubwheels.flash_attn(cell.torch, int(cell.cuda.split(".")[0]), abi=cell.cxx11abi)
    parts = Parts(
        filename=name,
        binary=None,
        metadata={"Requires-Dist": f"{pin}\nRequires-Dist: einops"},
        files={"flash_attn/__init__.py": module},
    )
    path = Maker(root, lambda _: b"").write(parts, directory)
    archive = zipfile.ZipFile(path)
    metadata = archive.read(next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA")))
    path.with_name(f"{name}.metadata").write_bytes(metadata)
    return named(
        name,
        url=f"{url}releases/v{cell.flash_attn}/{name.replace('+', '%2B')}",
        size=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        cuda=cell.cuda,
        requires=(pin, "einops"),
    )
