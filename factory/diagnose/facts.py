"""What a log proves of the environment that it is of."""

from __future__ import annotations

from collections.abc import Mapping

from factory.matrix.advice import Facts


def facts_of(told: Mapping[str, str]) -> Facts:
    """Return the facts in what was ``told``: the groups of the patterns under ``told`` in ``diagnoses.toml``."""
    release = told.get("torch", told.get("installed"))
    public, _, local = (release or "").partition("+")
    cuda = _cuda(local.removeprefix("cu")) if local.startswith("cu") else told.get("cuda") and _cuda(told["cuda"])
    abi = told.get("abi")
    return Facts(
        torch=release,
        cuda=cuda or told.get("cuda_major"),
        python=f"3.{told['python']}" if "python" in told else None,
        cxx11abi=None if abi is None else abi.upper() == "TRUE",
        flash_attn=told.get("flash_attn"),
        machine=told.get("machine"),
        usual="torch" not in told and bool(public) and not local,
    )


def _cuda(spelled: str) -> str | None:
    """Return ``13.0`` of ``130`` or of ``13.0``; None of anything else, such as what NVIDIA's own torch has there."""
    digits = spelled.partition(".")[0]
    if digits != spelled and spelled.replace(".", "").isdigit():
        return spelled
    return (
        f"{digits[:-1]}.{digits[-1]}" if digits == spelled and digits.isdigit() and len(digits) == len("130") else None
    )
