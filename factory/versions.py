"""What versions and the C++ ABI look like in names, and what versions sort by."""

from __future__ import annotations

import re

_NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,6})*", re.ASCII)


def cuda_token(cuda: str) -> str:
    """Return ``cu124`` of CUDA ``12.4``."""
    return f"cu{cuda.replace('.', '')}"


def cuda_major(cuda: str) -> int:
    """Return ``12`` of CUDA ``12.4``. Raises ValueError where it begins with no number."""
    return int(cuda.partition(".")[0])


def python_tag(python: str) -> str:
    """Return ``cp310``, the ABI tag of CPython ``3.10``; ``cp314t`` of ``3.14t``, the free-threaded one."""
    return f"cp{python.replace('.', '')}"


def without_python(tokens: str, python: str) -> str:
    """Return the ``tokens`` of a cell but for that of its ``python``, as they can be typed."""
    return tokens.replace(f" {python_tag(python)} ", " ", 1)


def python_tags(python: str) -> str:
    """Return what a wheel's name says of CPython ``3.10``: ``cp310-cp310``; of ``3.14t`` ``cp314-cp314t``."""
    tag = python_tag(python)
    return f"{tag.removesuffix('t')}-{tag}"


def python_key(python: str) -> tuple[tuple[int, ...], bool]:
    """Return what Pythons sort by: ``3.14t`` behind ``3.14``. Raises ValueError where a part is no number."""
    return version_key(python.removesuffix("t")), python.endswith("t")


def abi_word(cxx11abi: bool) -> str:  # noqa: FBT001  # the value itself is what is spelt
    """Return what stands behind ``cxx11abi`` in the name of a wheel: ``TRUE`` or ``FALSE``."""
    return str(cxx11abi).upper()


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions such as ``2.10`` sort by: behind ``2.9``. Raises ValueError where a part is no number."""
    return tuple(int(part) for part in version.split("."))


def numbers(version: str) -> tuple[int, ...]:
    """Return ``(2, 6, 0)`` of ``2.6.0+cu124``, from whatever a program said; nothing where no number is in front."""
    match = _NUMBERS.match(version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
