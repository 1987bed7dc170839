"""What of a kernel may differ where its parameters stand elsewhere: the offsets of those, and nothing else.

Kernels have the random-number state of torch 2.10 and newer. That of an older torch is 8 bytes shorter, so what stands
behind it in a kernel's parameters is read 8 bytes further on, and its own last field 4. Instruction words as NVIDIA's
own disassembler shows them for compute capability 7.0 to 12.1: bits 9 to 11 say what the operands are, and where one of
them is a constant, bits 38 to 53 are its offset in bytes and bits 54 to 58 its bank; bank 0 holds the parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WORD = 16
"""Bytes of an instruction since compute capability 7.0."""

_WIDER = 8  # bytes
_LAST_FIELD = 4  # bytes
_BY_CONSTANT = frozenset({3, 5})
_AT = 38
_OFFSET = 0xFFFF << _AT
_BANK = 0x1F << 54
_CONSTANTS = ".nv.constant0"
# PARAM_CBANK, KPARAM_INFO and CBANK_PARAM_SIZE of .nv.info: where the parameters are, and their size.
_OF_PARAMETERS = ("0x0a ", "0x17 ", "0x19 ")


def widened(plain: Mapping[str, bytes], pool: Mapping[str, bytes]) -> bool:
    """Return whether a kernel of these sections has parameters that are wider by the state's growth."""
    return len(pool.get(_CONSTANTS, b"")) - len(plain.get(_CONSTANTS, b"")) == _WIDER


def moved(section: str, plain: bytes, pool: bytes) -> int | None:
    """Return how many instructions or lines of a section of a widened kernel name parameters elsewhere.

    None where it differs in anything else.
    """
    if section == _CONSTANTS:
        return None if any(plain) or any(pool) else 0
    if section.startswith(".nv.info"):
        pairs = [pair for pair in zip(plain.split(b"\n"), pool.split(b"\n"), strict=False) if pair[0] != pair[1]]
        alike = plain.count(b"\n") == pool.count(b"\n") and all(_line(*pair) for pair in pairs)
        return len(pairs) if alike else None
    if section != ".text" or len(plain) != len(pool):
        return None
    words = [(plain[at : at + WORD], pool[at : at + WORD]) for at in range(0, len(plain), WORD)]
    changed = [pair for pair in words if pair[0] != pair[1]]
    if not all(_alike(*pair) for pair in changed):
        return None
    return len(changed) if _of_one_state([(_offset(theirs), _offset(ours)) for theirs, ours in changed]) else None


def _alike(plain: bytes, pool: bytes) -> bool:
    """Whether both are one instruction that reads a parameter, wherever that stands."""
    theirs, ours = int.from_bytes(plain, "little"), int.from_bytes(pool, "little")
    return theirs >> 9 & 7 in _BY_CONSTANT and not theirs & _BANK and theirs & ~_OFFSET == ours & ~_OFFSET


def _offset(word: bytes) -> int:
    return (int.from_bytes(word, "little") & _OFFSET) >> _AT


def _of_one_state(offsets: Sequence[tuple[int, int]]) -> bool:
    """Whether these parameters, each where it stood and stands, are the last field of a state and what is behind it."""
    own = {theirs for theirs, ours in offsets if ours - theirs == _LAST_FIELD}
    behind = {theirs for theirs, ours in offsets if ours - theirs == _WIDER}
    return (
        own | behind == {theirs for theirs, _ in offsets}
        and len(own) <= 1
        and max(own, default=-1) < min(behind, default=1 << 16)
    )


def _line(plain: bytes, pool: bytes) -> bool:
    return plain[:5] == pool[:5] and plain[:5].decode() in _OF_PARAMETERS
