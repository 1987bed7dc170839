"""Bills of materials in CycloneDX's JSON: the same parts give the same text, without a date or a random number.

Source: https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from factory.matrix.wheelname import WheelName
from factory.system import strictjson

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


def parts_of(wheel: str, text: bytes) -> tuple[Part, ...]:
    """Return the parts that ``text``, the document in the wheel of that file name, says it is made of.

    Raises ValueError where it is about another wheel, or names a part that is not made here.
    """
    try:
        said: Any = strictjson.table(text)
        about, parts = said["metadata"]["component"]["bom-ref"], tuple(said["components"])
        unknown = [part["bom-ref"] for part in parts if part != _MADE[part["name"]](part)]
    except (KeyError, TypeError) as error:
        raise ValueError(f"the bill of materials in it is none of ours: {error!r:.100}") from error
    if about != wheel:
        raise ValueError(f"the bill of materials in it is of {about!r:.200}")
    if unknown:
        raise ValueError(f"the bill of materials in it has {unknown[0]!r:.200}, which is none of its parts")
    return tuple({part["bom-ref"]: part for part in parts}.values())


def _sdist(said: Part) -> Part:
    (digest,) = said["hashes"]
    return flash_attn(_word(said["version"]), _word(digest["content"]))


def _word(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError(value)
    return value


_MADE: dict[object, Callable[[Part], Part]] = {
    "flash-attn": _sdist,
    "torch": lambda said: torch(_word(said["version"])),
    "CUDA toolkit": lambda said: cuda(_word(said["version"])),
    "CUTLASS": lambda said: cutlass(_word(said["version"])),
}


def _part(name: str, version: str, purl: str) -> Part:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
