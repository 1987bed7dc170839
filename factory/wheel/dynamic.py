"""What the loader is told by a shared object: read as the loader reads it, by segments and their addresses.

Layouts: the generic ABI (https://gabi.xinuos.com) and "Symbol Versioning" of
https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic for 64 bits, little-endian. Of two entries of one kind
the last counts, as in glibc's ``elf/get-dynamic-info.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from factory.wheel.segments import Layout

_ENTRY = struct.Struct("<QQ")
_SYMBOL = struct.Struct("<IBBHQQ")  # name, kind, …, section, value, size
_RELOCATION = struct.Struct("<QQq")  # where, what, addend
_NEED = struct.Struct("<HHIII")  # version, count, library, first version, next library
_VERSION = struct.Struct("<IHHII")  # hash, flags, index, name, next version
_NULL = 0
# Each names a library that is loaded too: DT_NEEDED, DT_DEPAUDIT, DT_AUDIT, DT_AUXILIARY, DT_FILTER.
_LIBRARIES = (1, 0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF)
_PATHS = (15, 29)  # DT_RPATH, DT_RUNPATH
_HASH, _STRINGS, _SYMBOLS, _STRINGS_SIZE, _GNU_HASH, _NEEDS = 4, 5, 6, 10, 0x6FFFFEF5, 0x6FFFFFFE
_RELOCATIONS = ((7, 8), (23, 2))  # DT_RELA and DT_RELASZ, DT_JMPREL and DT_PLTRELSZ
_UNDEFINED, _WEAK = 0, 2
# A damaged table can claim any length, or lead back to its own start; a flash-attn extension has some thousand
# symbols, and all its other tables are shorter.
_MOST = 100_000
_LONGEST_STRINGS = 64 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Dynamic:
    """What the loader finds. ``undefined`` are the names it must find elsewhere, weak ones apart, ``versions`` those
    that it looks for in other libraries.
    """

    defined: frozenset[str] = frozenset()
    undefined: frozenset[str] = frozenset()
    needed: tuple[str, ...] = ()
    rpaths: tuple[str, ...] = ()
    versions: frozenset[str] = frozenset()


def read(image: memoryview, layout: Layout) -> Dynamic:
    """Return what the loader finds in the shared object ``image`` of that ``layout``; nothing without a dynamic part.

    Raises ValueError, KeyError or struct.error where a table is damaged, missing or lies outside.
    """
    if layout.dynamic is None:
        return Dynamic()
    return _Reader(image=image, layout=layout).read(layout.dynamic)


@dataclass(kw_only=True)
class _Reader:
    image: memoryview
    layout: Layout
    told: dict[int, int] = field(default_factory=dict)

    def read(self, table: int) -> Dynamic:
        entries = list(self.entries(table))
        self.told = dict(entries)
        symbols = list(self.symbols())
        return Dynamic(
            defined=frozenset(name for name, _, section in symbols if section != _UNDEFINED),
            undefined=frozenset(
                name for name, kind, section in symbols if name and section == _UNDEFINED and kind >> 4 != _WEAK
            ),
            needed=tuple(self.string(value) for tag, value in entries if tag in _LIBRARIES),
            rpaths=tuple(part for tag, value in entries if tag in _PATHS for part in self.string(value).split(":")),
            versions=frozenset(self.versions()) if _NEEDS in self.told else frozenset(),
        )

    def at(self, kind: struct.Struct, address: int) -> tuple[int, ...]:
        return kind.unpack_from(self.image, self.layout.place(address, kind.size))

    @cached_property
    def strings(self) -> bytes:
        size = self.told[_STRINGS_SIZE]
        if size > _LONGEST_STRINGS:
            raise ValueError(f"its names have {size} bytes, more than {_LONGEST_STRINGS}")
        start = self.layout.place(self.told[_STRINGS], size)
        return bytes(self.image[start : start + size])

    def string(self, at: int) -> str:
        end = self.strings.find(b"\0", at)
        if end < 0:
            raise ValueError(f"the name at {at} has no end")
        return self.strings[at:end].decode("utf-8", "backslashreplace")

    def entries(self, table: int) -> Iterator[tuple[int, int]]:
        for number in range(_MOST):
            tag, value = self.at(_ENTRY, table + number * _ENTRY.size)
            if tag == _NULL:
                return
            yield tag, value
        raise ValueError("the dynamic table has no end")

    def symbols(self) -> Iterator[tuple[str, int, int]]:
        """Return names, kinds and sections. Nothing says how many there are but who refers to them."""
        count = max(self.hashed(), self.gnu_hashed(), self.relocated())
        if count > _MOST:
            raise ValueError(f"it has {count} symbols, more than {_MOST}")
        for number in range(count):
            name, kind, _, section, _, _ = self.at(_SYMBOL, self.told[_SYMBOLS] + number * _SYMBOL.size)
            yield self.string(name), kind, section

    def hashed(self) -> int:
        return self.at(struct.Struct("<4xI"), self.told[_HASH])[0] if _HASH in self.told else 0

    def gnu_hashed(self) -> int:
        """Return the number of the last symbol that a chain ends in, and one; the format has no count."""
        if _GNU_HASH not in self.told:
            return 0
        address, word = self.told[_GNU_HASH], struct.Struct("<I")
        buckets, first, blooms, _ = self.at(struct.Struct("<IIII"), address)
        table = address + 16 + blooms * 8
        if buckets > _MOST:
            raise ValueError(f"its table of symbols has {buckets} rows, more than {_MOST}")
        last = max((self.at(word, table + number * 4)[0] for number in range(buckets)), default=0)
        if last < first:
            return first
        while last < _MOST and not self.at(word, table + buckets * 4 + (last - first) * 4)[0] & 1:
            last += 1
        return last + 1

    def relocated(self) -> int:
        """Return the number of the last symbol that is bound to something, and one."""
        last = 0
        for where, size in _RELOCATIONS:
            length = self.told.get(size, 0) // _RELOCATION.size * _RELOCATION.size
            if where in self.told and length:
                start = self.layout.place(self.told[where], length)
                rows = _RELOCATION.iter_unpack(self.image[start : start + length])
                last = max(last, *(what >> 32 for _, what, _ in rows))
        return last + 1

    def versions(self) -> Iterator[str]:
        address = self.told[_NEEDS]
        for _ in range(_MOST):
            _, _, _, first, following = self.at(_NEED, address)
            yield from self.of_library(address + first)
            if not following:
                return
            address += following
        raise ValueError("its list of versions has no end")

    def of_library(self, address: int) -> Iterator[str]:
        for _ in range(_MOST):
            _, _, _, name, following = self.at(_VERSION, address)
            yield self.string(name)
            if not following:
                return
            address += following
        raise ValueError("its list of versions has no end")
