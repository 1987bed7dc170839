"""A digest written into the text of ``matrix.yaml``, and nothing else of it touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import yaml

from factory.errors import MatrixError
from factory.matrix.load import load
from factory.matrix.model import Matrix
from factory.platforms import usual


def pinned(text: str, cuda: str, digest: str, *, machine: str | None = None) -> str:
    """Return ``text`` with ``digest`` (``sha256:...``) as that of the image of CUDA release ``cuda``.

    It is the one for ``machine``, None for the first.

    Every other character stays. Raises MatrixError where ``text`` is not valid, or where the digest has no
    place of its own in it: it is brought in by an alias or a merge, say.
    """
    before = load(text)
    path = ("image",) if machine is None or machine == usual() else ("images", machine)
    place = _place(text, ("cuda", cuda, *path, "digest"))
    if place is None:
        raise _homeless(cuda, path)
    start, end = place.start_mark.index, place.end_mark.index
    gap = " " if start == end else ""  # `digest:` with nothing behind it
    made = text[:start] + gap + digest + text[end:]
    if not _is(made, _changed(before, cuda, machine, digest)):
        raise _homeless(cuda, path)
    return made


def _place(text: str, path: Sequence[str]) -> yaml.ScalarNode | None:
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.BaseLoader)
    for key in path:
        inside = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in inside if name.value == key), None)
    return node if isinstance(node, yaml.ScalarNode) else None


def _changed(matrix: Matrix, cuda: str, machine: str | None, digest: str) -> Matrix:
    toolkit = matrix.toolkits[cuda]
    if machine is not None and machine in toolkit.images:
        images = {**toolkit.images, machine: replace(toolkit.images[machine], digest=digest)}
        changed = replace(toolkit, images=images)
    else:
        changed = replace(toolkit, image=replace(toolkit.image, digest=digest) if toolkit.image else None)
    return replace(matrix, toolkits={**matrix.toolkits, cuda: changed})


def _is(text: str, expected: Matrix) -> bool:
    try:
        return load(text) == expected
    except MatrixError:
        return False


def _homeless(cuda: str, path: Sequence[str]) -> MatrixError:
    place = ".".join(path)
    return MatrixError(
        f"the digest of the image for CUDA {cuda} cannot be changed alone",
        why=(f"cuda.{cuda}.{place}.digest is not a plain value that stands there and serves nothing else",),
        remedy=f"Write it out under cuda.{cuda} in matrix.yaml: {place}: {{name: ..., digest: null}}",
    )
