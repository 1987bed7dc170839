"""The small sdist of ``tests/data`` in place of every flash-attn of the matrix: plans need no network."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

from factory.matrix.model import FlashAttn
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[1]
SDIST = ROOT / "tests" / "data" / "sdist"
KERNELS = 3


def matrix_with_small_sdists(cache: Path, of: Path = MATRIX) -> str:
    """Put the sdist into ``cache`` as each release; give the text of the matrix ``of`` with its sha256 in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(SDIST, arcname="flash_attn")
    sha256 = hashlib.sha256(packed.getvalue()).hexdigest()
    directory = cache / "sdists" / sha256[:16]
    directory.mkdir(parents=True)
    text = of.read_text(encoding="utf-8")
    for version in re.findall(r"^  (\S+):\n    sha256: ", text, re.MULTILINE):
        (directory / f"flash_attn-{version}.tar.gz").write_bytes(packed.getvalue())
    return re.sub(r"sha256: [0-9a-f]{64}", f"sha256: {sha256}", text)


def matrix_with_small_sdist(cache: Path, release: FlashAttn) -> str:
    """Put the sdist into ``cache`` as ``release``, whose version it then says; give the text of a matrix."""
    name = f"flash_attn-{release.version}"
    module = (SDIST / "flash_attn" / "__init__.py").read_bytes().replace(b"0.0.1", release.version.encode())
    absent = {f"{name}/flash_attn/__init__.py", *(() if release.leave_out else (f"{name}/flash_attn/cute",))}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(SDIST, arcname=name, filter=lambda entry: None if entry.name in absent else entry)
        entry = tarfile.TarInfo(f"{name}/flash_attn/__init__.py")
        entry.size = len(module)
        tar.addfile(entry, io.BytesIO(module))
    sha256 = hashlib.sha256(packed.getvalue()).hexdigest()
    directory = cache / "sdists" / sha256[:16]
    directory.mkdir(parents=True)
    (directory / f"{name}.tar.gz").write_bytes(packed.getvalue())
    return MATRIX.read_text(encoding="utf-8").replace(release.sha256, sha256)
