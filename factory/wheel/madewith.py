"""What a wheel was made with: enough to make it again, and to say by what another machine differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class KernelInputs:
    """What a kernel set was compiled from and with; versions are for people, the rest are sha256 digests.

    ``keys`` is that of the keys of all its parts, which hold flags, architectures and everything else here. ``linker``
    is the g++ for the wheel's machine that made its host code, where the host compiler is for another one.
    """

    toolkit: str
    toolkit_sha256: str
    host_compiler: str
    host_compiler_sha256: str
    sdist_sha256: str
    headers_sha256: str
    keys: str
    linker: str | None = None
    linker_sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class MadeWith:
    """What one wheel was made with.

    ``factory`` is the commit of the factory, with ``-dirty`` where files differ from it, None where it is no clone.
    ``compression`` is the mode in which ``fatbinary`` compressed machine code, None where it did not.
    ``backend`` is ``host``, with the ``python`` that built (``3.11.2``), its ``environment``, whose name holds a
    digest of all that was installed, and the ``runtime``, the exact release of the wheel's own CUDA, whose headers and
    libcudart it has; or ``container``, with the reference of its ``image``, which has them.
    """

    factory: str | None
    backend: str
    torch: str
    kernels: KernelInputs
    python: str | None = None
    environment: str | None = None
    runtime: str | None = None
    runtime_sha256: str | None = None
    image: str | None = None
    compression: str | None = None


def differences(there: MadeWith, here: MadeWith) -> Iterator[str]:
    """Yield by what two builds of one wheel differ, a line each: ``python: 3.11.2 there, 3.11.9 here``."""
    told, ours = ({**asdict(one), **asdict(one.kernels)} for one in (there, here))
    for name in told:
        if name != "kernels" and told[name] != ours[name]:
            yield f"{name.replace('_', ' ')}: {told[name]} there, {ours[name]} here"
