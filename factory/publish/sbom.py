"""What went into published wheels, as a CycloneDX document: the same wheels give the same document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from factory.matrix import wheelname
from factory.publish.body import download
from factory.publish.parts import Asset
from factory.wheel import cyclonedx, releasebill
from factory.wheel.cyclonedx import Part


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where wheels are published, as ``OWNER/NAME`` and tag, and whether their attestations were verified for it.

    ``parts`` are by name what each wheel says it is made of.
    """

    repository: str
    tag: str
    parts: Mapping[str, tuple[Part, ...]]
    attested: bool

    def describe(self, wheels: Iterable[Asset], tested: frozenset[str]) -> str:
        """Return the document of ``wheels``, as JSON; ``tested`` are the names of those that a GPU tried."""
        ordered = sorted(wheels, key=lambda wheel: wheel.name)
        parts = {part["bom-ref"]: part for wheel in ordered for part in self.parts[wheel.name]}
        return cyclonedx.document(
            "\n".join(f"{wheel.sha256} {wheel.name}" for wheel in ordered),
            [*(self._wheel(wheel, tested) for wheel in ordered), *(parts[ref] for ref in sorted(parts))],
            {wheel.name: [part["bom-ref"] for part in self.parts[wheel.name]] for wheel in ordered},
        )

    def _wheel(self, wheel: Asset, tested: frozenset[str]) -> Part:
        return cyclonedx.of_wheel(wheelname.parse(wheel.name)) | {
            "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
            "externalReferences": [
                {"type": "distribution", "url": download(self.repository, self.tag, wheel.name)},
            ],
            "properties": [
                {"name": releasebill.GPU_TEST, "value": "passed" if wheel.name in tested else "untested"},
                {"name": releasebill.ATTESTATION, "value": releasebill.VERIFIED if self.attested else "not asked for"},
            ],
        }
