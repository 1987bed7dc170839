"""The bill of materials of a release: what publishing writes there of each wheel, and the index reads."""

from __future__ import annotations

import re
from typing import Any

from factory.system import strictjson

NAME = re.compile(r"flash_attn-[^/]+?(?:\.\d+)?\.cdx\.json")
"""What such a file is called; later ones of one release are numbered."""

GPU_TEST = "flash-attn-wheel-factory:gpu-test"
ATTESTATION = "flash-attn-wheel-factory:attestation"
VERIFIED = "verified"


def wheels(text: str | bytes) -> dict[str, bool]:
    """Return the wheels that ``text`` tells of, and of each whether its attestation was verified.

    Nothing where it is not one of ours.
    """
    try:
        said: Any = strictjson.table(text)
        return {str(part["bom-ref"]): _verified(part) for part in said["components"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _verified(part: dict[str, Any]) -> bool:
    return {"name": ATTESTATION, "value": VERIFIED} in part.get("properties", [])
