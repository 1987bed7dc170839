"""What went into published wheels, as a CycloneDX document: the same wheels give the same document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from factory.matrix import wheelname
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Matrix
from factory.publish.body import download
from factory.publish.parts import Asset
from factory.wheel import cyclonedx
from factory.wheel.cyclonedx import Part

_GPU_TEST = "flash-attn-wheel-factory:gpu-test"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where wheels are published, as ``OWNER/NAME`` and tag, and what they were made by: their cells by name."""

    repository: str
    tag: str
    matrix: Matrix
    cells: Mapping[str, Cell]

    def describe(self, wheels: Iterable[Asset], tested: frozenset[str]) -> str:
        """Return the document of ``wheels``, as JSON; ``tested`` are the names of those that a GPU tried."""
        ordered = sorted(wheels, key=lambda wheel: wheel.name)
        inputs = {wheel.name: self._inputs(self.cells.get(wheel.name)) for wheel in ordered}
        ingredients = {part["bom-ref"]: part for parts in inputs.values() for part in parts}
        return cyclonedx.document(
            "\n".join(f"{wheel.sha256} {wheel.name}" for wheel in ordered),
            [*(self._wheel(wheel, tested) for wheel in ordered), *(ingredients[ref] for ref in sorted(ingredients))],
            {name: [part["bom-ref"] for part in parts] for name, parts in inputs.items()},
        )

    def _wheel(self, wheel: Asset, tested: frozenset[str]) -> Part:
        return cyclonedx.of_wheel(wheelname.parse(wheel.name)) | {
            "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
            "externalReferences": [
                {"type": "distribution", "url": download(self.repository, self.tag, wheel.name)},
            ],
            "properties": [{"name": _GPU_TEST, "value": "passed" if wheel.name in tested else "untested"}],
        }

    def _inputs(self, cell: Cell | None) -> list[Part]:
        """Return what the wheel of ``cell`` was made of; nothing of one that the matrix no longer has."""
        if cell is None:
            return []
        source = self.matrix.flash_attn[cell.flash_attn]
        return [
            cyclonedx.flash_attn(source.version, source.sha256),
            cyclonedx.torch(self.matrix.torch[cell.torch].release),
            *map(cyclonedx.cuda, dict.fromkeys((need_of(cell, self.matrix).cuda, cell.cuda))),
        ]
