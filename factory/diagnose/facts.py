"""What a log proves of the environment that it is of."""

from __future__ import annotations

from collections.abc import Mapping

from factory.matrix.advice import Facts
from factory.matrix.gpunames import capability_of
from factory.versions import numbers


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
        gpus=_gpus(told),
        driver=told.get("driver"),
        driver_cuda=_driver_cuda(told, cuda or told.get("cuda_major")),
        usual="torch" not in told and bool(public) and not local,
    )


def _gpus(told: Mapping[str, str]) -> tuple[str, ...]:
    """Return the capability of the GPU: as it stands there, ``12.0`` or ``sm_120``, else by the GPU's name."""
    spelled = told.get("capability", "")
    digits = spelled.removeprefix("sm_")
    found = f"{digits[:-1]}.{digits[-1]}" if digits != spelled else spelled or capability_of(told.get("gpu", ""))
    return (found,) if found else ()


def _driver_cuda(told: Mapping[str, str], torch_cuda: str | None) -> str | None:
    """Return the newest CUDA that the driver runs: as nvidia-smi or torch (``12090``) tells it.

    Of one that is only said to be too old for torch, that is one major less than torch's.
    """
    if "driver_number" in told:
        number = int(told["driver_number"])
        return f"{number // 1000}.{number % 1000 // 10}"
    if "driver_cuda" not in told and "insufficient" in told and torch_cuda:
        return str(numbers(torch_cuda)[0] - 1)
    return told.get("driver_cuda")


def _cuda(spelled: str) -> str | None:
    """Return ``13.0`` of ``130`` or of ``13.0``; None of anything else, such as what NVIDIA's own torch has there."""
    digits = spelled.partition(".")[0]
    if digits != spelled and spelled.replace(".", "").isdigit():
        return spelled
    return (
        f"{digits[:-1]}.{digits[-1]}" if digits == spelled and digits.isdigit() and len(digits) == len("130") else None
    )
