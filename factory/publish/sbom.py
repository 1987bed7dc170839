"""What went into published wheels, as a CycloneDX document: the same wheels give the same document.

Source: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from factory.matrix import wheelname
from factory.matrix.model import Cell, Matrix
from factory.publish.body import download
from factory.publish.parts import Asset

# Ours: a version 5 UUID needs a name space, and one that never changes.
_NAMESPACE = uuid.UUID("e054c13d-7c68-48d2-939c-adb59dda5cf9")
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
        stamp = "\n".join(f"{wheel.sha256} {wheel.name}" for wheel in ordered)
        document = {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, stamp)}",
            "version": 1,
            "components": [
                *(self._wheel(wheel, tested) for wheel in ordered),
                *(ingredients[ref] for ref in sorted(ingredients)),
            ],
            "dependencies": [
                {"ref": name, "dependsOn": sorted(part["bom-ref"] for part in parts)} for name, parts in inputs.items()
            ],
        }
        return json.dumps(document, indent=1) + "\n"

    def _wheel(self, wheel: Asset, tested: frozenset[str]) -> dict[str, Any]:
        name = wheelname.parse(wheel.name)
        version = f"{name.version}+{name.local}"
        return {
            "type": "library",
            "bom-ref": wheel.name,
            "name": "flash-attn",
            "version": version,
            "purl": f"pkg:pypi/flash-attn@{quote(version)}?file_name={quote(wheel.name)}",
            "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
            "externalReferences": [
                {"type": "distribution", "url": download(self.repository, self.tag, wheel.name)},
            ],
            "properties": [{"name": _GPU_TEST, "value": "passed" if wheel.name in tested else "untested"}],
        }

    def _inputs(self, cell: Cell | None) -> list[dict[str, Any]]:
        """Return what the wheel of ``cell`` was made of; nothing of one that the matrix no longer has."""
        if cell is None:
            return []
        source = self.matrix.flash_attn[cell.flash_attn]
        torch = self.matrix.torch[cell.torch].release
        return [
            _part("flash-attn", source.version, f"pkg:pypi/flash-attn@{source.version}", source.sha256),
            _part("torch", torch, f"pkg:pypi/torch@{torch}"),
            _part("CUDA toolkit", cell.cuda, f"pkg:generic/cuda-toolkit@{cell.cuda}"),
        ]


def _part(name: str, version: str, purl: str, sha256: str | None = None) -> dict[str, Any]:
    hashes = {"hashes": [{"alg": "SHA-256", "content": sha256}]} if sha256 else {}
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl} | hashes
