"""Bills of materials in CycloneDX's JSON: the same parts give the same text, without a date or a random number.

Source: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from factory.matrix.wheelname import WheelName

Part = dict[str, Any]
"""A component, as CycloneDX has it."""

# Ours: a version 5 UUID needs a name space, and one that never changes.
_NAMESPACE = uuid.UUID("e054c13d-7c68-48d2-939c-adb59dda5cf9")


def document(stamp: str, parts: Sequence[Part], depends: Mapping[str, Iterable[str]], about: Part | None = None) -> str:
    """Return a document of ``parts``, and of what each depends on, by ``bom-ref``; it is about ``about``.

    Its serial number comes from ``stamp``.
    """
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, stamp)}",
        "version": 1,
        **({"metadata": {"component": about}} if about else {}),
        "components": list(parts),
        "dependencies": [{"ref": ref, "dependsOn": sorted(others)} for ref, others in depends.items()],
    }
    return json.dumps(made, indent=1) + "\n"


def of_wheel(name: WheelName) -> Part:
    """Return the wheel of that name, with no more than the name tells; its file name is its ``bom-ref``."""
    version = f"{name.version}+{name.local}"
    return {
        "type": "library",
        "bom-ref": name.filename,
        "name": "flash-attn",
        "version": version,
        "purl": f"pkg:pypi/flash-attn@{quote(version)}?file_name={quote(name.filename)}",
    }


def flash_attn(version: str, sha256: str) -> Part:
    """Return the source distribution that wheels are made of."""
    hashes = [{"alg": "SHA-256", "content": sha256}]
    return _part("flash-attn", version, f"pkg:pypi/flash-attn@{version}") | {"hashes": hashes}


def torch(release: str) -> Part:
    """Return the torch release that a wheel is linked to."""
    return _part("torch", release, f"pkg:pypi/torch@{release}")


def cuda(version: str) -> Part:
    """Return a CUDA toolkit: one that compiles kernels, or brings the headers and the runtime of a wheel."""
    return _part("CUDA toolkit", version, f"pkg:generic/cuda-toolkit@{version}")


def cutlass(version: str) -> Part:
    """Return the copy of CUTLASS in flash-attn's source; being headers, it is compiled in."""
    return _part("CUTLASS", version, f"pkg:generic/cutlass@{version}")


def _part(name: str, version: str, purl: str) -> Part:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
