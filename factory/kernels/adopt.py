"""Takes the machine code of a set that a machine of another kind compiled: GPUs know no host processor.

The programs of the other machine are other files, so that its keys cannot be known here. Its record says which they
were; a set is taken if the keys made of that, and of all that is the same here, are among those that it lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from factory.kernels.job import Cross
from factory.kernels.prepared import PreparedSet
from factory.kernels.unit import Unit, units
from factory.matrix.arch import front_ends
from factory.output.progress import counted
from factory.pool.record import SetRecord
from factory.pool.store import Pool, pool_in
from factory.session import Session


def adopt(ready: PreparedSet, session: Session) -> PreparedSet:
    """Return ``ready`` with all but its host code taken from a set in the pool that another machine compiled.

    It stays as it is where its own parts are in the pool or nobody else's fit, and a line says why those do not.
    """
    if ready.cross is not None:
        return ready
    pool = pool_in(session.cache)
    others = [one for one in pool.sets() if one.compiled_on not in {"", ready.compiled_on} and _same(one, ready)]
    if not others or not pool.lacking(key for unit in ready.units for key in unit.wanted()):
        return ready
    refused = []
    for theirs in others:
        taken = _taken(ready, theirs)
        why = next(_obstacles(ready, taken, theirs, pool), None)
        if why is None:
            session.log.say(f"kernels: {theirs.name} was compiled on {theirs.compiled_on}; its host code alone is here")
            return taken
        refused.append(f"kernels: {theirs.name} was compiled on {theirs.compiled_on} and is not used: {why}")
    for line in refused:
        session.log.say(line)
    return ready


def _same(theirs: SetRecord, ready: PreparedSet) -> bool:
    """Whether ``theirs`` is for the same, architectures and machine apart."""
    wanted = ready.wanted
    asked = (wanted.flash_attn.version, wanted.toolkit.version, wanted.profile.name)
    return (theirs.flash_attn, theirs.cuda, theirs.profile) == asked


def _obstacles(ready: PreparedSet, taken: PreparedSet, theirs: SetRecord, pool: Pool) -> Iterator[str]:
    """Yield why ``taken``, which is ``ready`` with the keys of ``theirs``, must not be used."""
    if theirs.toolkit != ready.toolkit.release:
        yield f"CUDA {theirs.toolkit} compiled it, and here is {ready.toolkit.release}"
    if theirs.host_compiler != ready.compiler.version:
        yield f"g++ {theirs.host_compiler} preprocessed it, and here is {ready.compiler.version}"
    if theirs.kin != ready.kin:
        yield "its sources, headers or flags are others than here"
    keys = frozenset(key for unit in taken.units for key in unit.shared())
    if absent := _archs(taken.units, keys - set(theirs.keys)):
        yield f"it has no machine code for {' '.join(absent)}"
    if keys - set(theirs.keys):
        yield "its keys are not those of what it says that it was compiled with"
    if lost := pool.lacking(keys):
        yield f"the pool lacks {counted(len(lost), 'part')} of it"


def _archs(made: tuple[Unit, ...], absent: frozenset[str]) -> list[str]:
    """Return the architectures that are ``absent`` where others of the same unit are not."""
    rows = {str(arch): key for stage in made[0].stages for arch, key in stage.code}
    lacking = [arch for arch, key in rows.items() if key in absent]
    return lacking if len(lacking) < len(rows) else []


def _taken(ready: PreparedSet, theirs: SetRecord) -> PreparedSet:
    inputs = replace(ready.inputs, toolkit=theirs.toolkit_sha256, host_compiler=theirs.host_compiler_sha256)
    passes = front_ends(ready.wanted.archs, ready.wanted.toolkit.front_end)
    return replace(
        ready,
        inputs=inputs,
        units=units(ready.extension, inputs, passes, hosting=ready.inputs),
        nvcc=(),
        cross=Cross(
            nvcc=ready.nvcc,
            fatbinary=str(ready.toolkit.home / "bin" / "fatbinary"),
            objcopy=str(ready.compiler.objcopy),
        ),
        compiled_on=theirs.compiled_on,
    )
