"""What a log proves of the environment that it is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Each None where the log does not say it. ``torch`` ``2.10``, ``cuda`` that of torch: ``13.0``, or its major
    ``13``, ``python`` ``3.12``, ``flash_attn`` ``2.8.3``, ``machine`` ``aarch64``
    where it is not the usual one.

    ``usual`` says that this torch is the build that the package index has, which installers show without its CUDA.
    """

    torch: str | None = None
    cuda: str | None = None
    python: str | None = None
    cxx11abi: bool | None = None
    flash_attn: str | None = None
    machine: str | None = None
    usual: bool = False


def facts_of(told: Mapping[str, str]) -> Facts:
    """Return the facts in what was ``told``: the groups of the patterns under ``told`` in ``diagnoses.toml``."""
    release, _, local = told.get("torch", told.get("installed", "")).partition("+")
    cuda = _cuda(local.removeprefix("cu")) if local.startswith("cu") else told.get("cuda") and _cuda(told["cuda"])
    abi = told.get("abi")
    return Facts(
        torch=".".join(release.split(".")[:2]) or None,
        cuda=cuda or told.get("cuda_major"),
        python=f"3.{told['python']}" if "python" in told else None,
        cxx11abi=None if abi is None else abi.upper() == "TRUE",
        flash_attn=told.get("flash_attn"),
        machine=told.get("machine"),
        usual="torch" not in told and bool(release) and not local,
    )


def _cuda(spelled: str) -> str | None:
    """Return ``13.0`` of ``130`` or of ``13.0``; None of anything else, such as what NVIDIA's own torch has there."""
    digits = spelled.partition(".")[0]
    if digits != spelled and spelled.replace(".", "").isdigit():
        return spelled
    return (
        f"{digits[:-1]}.{digits[-1]}" if digits == spelled and digits.isdigit() and len(digits) == len("130") else None
    )
