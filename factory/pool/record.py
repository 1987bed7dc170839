"""What the pool notes of a part and of a kernel set, and how strictly that is read again.

Only the standard library is used here: the worker must start quickly.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from factory.platforms import usual
from factory.system import strictjson
from factory.versions import cuda_token

_LONGEST_ARCHS = 24  # characters; the whole name must fit into a tar header, see factory.pool.archivename
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[0-9a-z]{1,64}")
_LINEAGE = ("compiled_on", "toolkit_sha256", "host_compiler_sha256", "kin")
_MARK = 4  # digits


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the pool knows of one part, and of the compile it came from.

    ``part`` is ``host``, ``stub`` (launch stubs), ``compute_80`` (PTX) or ``sm_90`` (machine code), ``size`` its bytes.
    The compile made ``passes`` front-end passes and ``targets`` machine codes in seconds of CPU and wall time and bytes
    of peak memory; parts of one compile have the same figures.
    """

    source: str
    part: str
    profile: str
    passes: int
    targets: int
    sha256: str
    size: int
    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int

    @classmethod
    def read(cls, text: str | bytes) -> Record:
        """Read it from JSON. Raises ValueError for what the pool does not write."""
        made = strictjson.typed(cls, strictjson.parse(text))
        if not _SHA256.fullmatch(made.sha256):
            raise ValueError(f"its sha256 cannot be {made.sha256!r:.100}")
        return made


@dataclass(frozen=True, kw_only=True)
class SetRecord:
    """What the pool knows of one kernel set: what it is for, what it was made with, the keys of its parts.

    ``machine`` is what its host code is for. ``compiled_on`` is the machine that compiled the rest, with the toolkit
    and the host compiler of these digests, and ``kin`` what sets have in common that only another machine compiled;
    all four are empty in older lists.
    """

    flash_attn: str
    cuda: str
    archs: tuple[str, ...]
    profile: str
    toolkit: str
    host_compiler: str
    machine: str
    units: int
    keys: tuple[str, ...]
    compiled_on: str = ""
    toolkit_sha256: str = ""
    host_compiler_sha256: str = ""
    kin: str = ""

    @classmethod
    def read(cls, text: str | bytes) -> SetRecord:
        """Read it from JSON. Raises ValueError for what the pool does not write."""
        return cls.of(strictjson.parse(text))

    @classmethod
    def of(cls, told: object) -> SetRecord:
        """Make it of what was JSON; older lists name no machine. Raises ValueError as ``read`` does."""
        lacking = {"machine": usual(), **dict.fromkeys(_LINEAGE, "")}
        made = strictjson.typed(cls, {**lacking, **told} if isinstance(told, dict) else told)
        keys = set(made.keys)
        if made.units < 1 or len(keys) != len(made.keys) or not all(map(_KEY.fullmatch, keys)):
            raise ValueError("its keys or its number of units cannot be")
        return made

    @property
    def name(self) -> str:
        """A file name that says it: ``kernels-2.7.4.post1-cu124-sm80.90-smoke-gcc12.2.0-0a1b2c3d4e5f``.

        Of many architectures it says the first, the last and how many: ``sm80-121x12``. The last part stands for all of
        it, its machine too, and begins with its ``lineage`` where that is known.
        """
        short = [arch.replace(".", "").replace("+PTX", "ptx") for arch in self.archs]
        archs = "sm" + ".".join(short)
        if len(archs) > _LONGEST_ARCHS:
            archs = f"sm{short[0]}-{short[-1]}x{len(short)}"
        cuda = cuda_token(self.cuda)
        told = {
            name: value
            for name, value in asdict(self).items()
            if (name, value) != ("machine", usual()) and name not in _LINEAGE
        }
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
        if self.compiled_on:
            digest = lineage(self.kin, self.compiled_on) + digest[:-_MARK]
        made_with = f"gcc{self.host_compiler}"
        return f"kernels-{self.flash_attn}-{cuda}-{archs}-{self.profile}-{made_with}-{digest}"


def lineage(kin: str, machine: str) -> str:
    """Return the digits that the last part of a set's name begins with, by which others of its kin are found."""
    return hashlib.sha256(f"{kin} {machine}".encode()).hexdigest()[:_MARK]
