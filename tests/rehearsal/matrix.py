"""The combinations that a job's matrix means."""

from __future__ import annotations

from itertools import product
from typing import Any

from tests.rehearsal.tree import Where

_MOST = 256
Combination = dict[str, Any]


def combinations(matrix: Any, where: Where) -> tuple[Combination, ...]:  # noqa: ANN401 - whatever fromJSON gives
    """Expand a matrix. Raises Breakage for what GitHub does not take."""
    if not isinstance(matrix, dict):
        raise where.breaks(f"the matrix is no mapping but {matrix!r}")
    vectors = {key: values for key, values in matrix.items() if key not in {"include", "exclude"}}
    for key, values in (*vectors.items(), ("include", matrix.get("include", []))):
        if not isinstance(values, list):
            raise where.breaks(f"{key} of the matrix is no list but {values!r}")
    made = [dict(zip(vectors, values, strict=True)) for values in product(*vectors.values())] if vectors else []
    kept = [one for one in made if not any(one.items() >= unwanted.items() for unwanted in matrix.get("exclude", []))]
    full = _included(kept, matrix.get("include", []), set(vectors))
    if not full:
        raise where.breaks("the matrix is empty, and GitHub fails a job with an empty matrix: skip the job with `if`")
    if len(full) > _MOST:
        raise where.breaks(f"the matrix has {len(full)} combinations; GitHub takes {_MOST}")
    return tuple(full)


def _included(kept: list[Combination], include: list[Combination], vectors: set[str]) -> list[Combination]:
    """Add every entry to the combinations that it contradicts in no vector; where there are none, it is one itself."""
    full = [dict(one) for one in kept]
    new = []
    for entry in include:
        fits = [
            index
            for index, one in enumerate(kept)
            if all(one[key] == value for key, value in entry.items() if key in vectors)
        ]
        for index in fits:
            full[index] |= entry
        if not fits:
            new.append(dict(entry))
    return full + new
