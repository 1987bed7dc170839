"""Small kernel sets in real pools: the parts are a few bytes, all else is as the factory makes it."""

import hashlib
from pathlib import Path

from factory.pool.record import Record, SetRecord
from factory.pool.store import Pool
from factory.wheel.madewith import KernelInputs

INPUTS = KernelInputs(
    toolkit="12.4.131",
    toolkit_sha256="1",
    host_compiler="12.2.0",
    host_compiler_sha256="2",
    sdist_sha256="3",
    headers_sha256="4",
    keys="5",
)
PARTS = ("host", "compute_80", "sm_80")


def key_of(source: str, part: str) -> str:
    return hashlib.sha256(f"{source} {part}".encode()).hexdigest()


def kernel_set(*sources: str, profile: str = "smoke") -> SetRecord:
    """Give the set of ``sources``, each a unit of three parts."""
    return SetRecord(
        flash_attn="2.7.4.post1",
        cuda="12.4",
        archs=("8.0", "9.0"),
        profile=profile,
        toolkit="12.4.131",
        host_compiler="12.2.0",
        machine="x86_64",
        units=len(sources),
        keys=tuple(sorted(key_of(source, part) for source in sources for part in PARTS)),
    )


def store(pool: Pool, key: str, content: bytes, *, source: str = "a.cu", part: str = "sm_80") -> Record:
    """Put ``content`` into ``pool`` as ``key``'s part; the caller holds the claim, if anybody is to."""
    record = Record(
        source=source,
        part=part,
        profile="smoke",
        passes=1,
        targets=2,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        cpu_seconds=1.5,
        wall_seconds=2.5,
        peak_bytes=1,
    )
    with pool.temporary(key) as directory:
        (directory / "made").write_bytes(content)
        pool.put(key, directory / "made", record)
    return record


def put(pool: Pool, source: str, part: str, content: bytes) -> Record:
    key = key_of(source, part)
    with pool.claim(key, wait=True):
        return store(pool, key, content, source=source, part=part)


def fill(pool: Pool, kernels: SetRecord, *sources: str, more: str = "") -> None:
    """Put all parts of ``sources`` into ``pool``, ``more`` behind each, and note that they belong to ``kernels``."""
    pool.note(kernels)
    for source in sources:
        for part in PARTS:
            put(pool, source, part, content(source, part) + more.encode())


def content(source: str, part: str) -> bytes:
    return f"{part} of {source}".encode() * 20


def whole_keys(pool: Pool, kernels: SetRecord) -> set[str]:
    return set(kernels.keys) - pool.lacking(kernels.keys)


def files(root: Path) -> dict[str, bytes]:
    """Give what lies under ``root``, locks apart."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_file() and path.parent.name != "locks"]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}
