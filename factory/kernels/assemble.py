"""Puts a unit's parts together again: the object that nvcc would have written, for the architectures asked for.

The parts are checked by hash as they are read. ``fatbinary`` is the program nvcc itself calls for this; its
output here is byte for byte what nvcc embeds. ``objcopy`` then puts it in the place the host part kept free.

Machine code is compressed here and not in the pool: it costs no compile, and a part serves every wheel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from factory.errors import DigestError, DiskFullError, KernelError
from factory.kernels.unit import Stage, Unit
from factory.pool.store import Pool
from factory.system import disk, process


@dataclass(frozen=True, kw_only=True)
class Assembler:
    """The pool the parts are taken from, and the two programs that join them.

    ``compression`` is the mode in which ``fatbinary`` compresses machine code, None where it is not to.
    """

    pool: Pool
    fatbinary: Path
    objcopy: Path
    compression: str | None

    def assemble(self, unit: Unit, directory: Path) -> Path:
        """Write the object of ``unit`` into ``directory`` and return its path.

        Raises DigestError when a part is not whole any more, DiskFullError, and KernelError when a program fails.
        """
        whole = directory / f"{unit.host}.o"
        with TemporaryDirectory(dir=directory) as temporary:
            parts = Path(temporary)
            fatbin = parts / "fatbin"
            images = [image for stage in unit.stages for image in self._images(stage, unit, parts)]
            # Without the first word, modes other than size leave machine code as it is.
            packed = ["--compress-all", f"--compress-mode={self.compression}"] if self.compression else []
            self._run([self.fatbinary, f"--create={fatbin}", "-64", *packed, *images], unit, parts)
            host = self._take(unit.host, unit, parts / "host.o")
            self._run([self.objcopy, "--update-section", f".nv_fatbin={fatbin}", host, whole], unit, parts)
        return whole

    def _images(self, stage: Stage, unit: Unit, parts: Path) -> list[str]:
        images = [
            f"--image3=kind=elf,sm={arch.number},file={self._take(key, unit, parts / f'sm_{arch.number}')}"
            for arch, key in stage.code
        ]
        if stage.embedded:
            path = self._take(stage.ptx, unit, parts / f"compute_{stage.virtual.number}")
            images.append(f"--image3=kind=ptx,sm={stage.virtual.number},file={path}")
        return images

    def _take(self, key: str, unit: Unit, path: Path) -> Path:
        found = self.pool.get(key)
        if found is None:
            raise DigestError(
                f"a part of {unit.source} was lost or damaged after it was made",
                remedy="Run the same command again; it is compiled anew. If it happens again, check the disk.",
            )
        path.symlink_to(found[1])
        return path

    def _run(self, command: list[str | Path], unit: Unit, directory: Path) -> None:
        done = process.run(command)
        if disk.filled(directory):
            raise DiskFullError(
                f"the disk is full: the object of {unit.source} could not be written",
                why=[str(directory.parent)],
                remedy="Free some space and run the same command again; the parts are kept.",
            )
        if not done.ok:
            raise KernelError(
                f"the parts of {unit.source} could not be put together (status {done.status})",
                why=[*done.stderr.splitlines()[:4], " ".join(map(str, command))],
                remedy="The parts are kept; mend the cause and run the same command again.",
            )
