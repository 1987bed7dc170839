"""Write the digest that each image's tag has now into ``matrix.yaml``.

Where a registry cannot be asked, the tag stands as it is: no digest is ever made up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from factory.errors import FactoryError, MatrixError, UnreachableError
from factory.image import registry
from factory.matrix.imagename import ImageName
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Image, Toolkit
from factory.matrix.pins import pinned


def pin(matrix_path: Path, *, env: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Pin every image of the matrix file that comes from a registry; each is written as soon as it is known.

    Raises:
        MatrixError: The file is not valid; nothing was asked.
        UnreachableError: At least one registry could not be asked. All images were tried before.
        FactoryError: All could be asked, but an image was not to be had; the class is the first failure's.
    """
    images = _images(load_matrix(_text(matrix_path), name=matrix_path.name).toolkits.values())
    registries = _Registries(env)
    failures: list[FactoryError] = []
    for cuda, machine, image in images:
        name = ImageName.parse(image.name)
        start = f"CUDA {cuda}: {image.name}"
        aside = _aside(name)
        if aside:
            say(f"{start} {aside}")
            continue
        try:
            digest = registries.digest(name)
            _write(matrix_path, pinned(_text(matrix_path), cuda, digest, machine=machine))
        except FactoryError as error:
            failures.append(error)
            say(f"{start} {f'stays {image.digest}' if image.digest else 'is not pinned'}: {_reason(error)}")
        else:
            say(f"{start} {'still is' if digest == image.digest else 'is now'} {digest}")
    if failures:
        raise _summary(failures, len(images))


class _Registries:
    """Asks each registry until it fails to answer once: its silence is waited for only once."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._silent: dict[str, UnreachableError] = {}

    def digest(self, image: ImageName) -> str:
        if image.registry in self._silent:
            raise self._silent[image.registry]
        try:
            return registry.digest(image, env=self._env)
        except UnreachableError as error:
            self._silent[image.registry] = error
            raise


def _images(toolkits: Iterable[Toolkit]) -> list[tuple[str, str, Image]]:
    return [(row.version, machine, image) for row in toolkits for machine, image in row.every_image.items()]


def _aside(name: ImageName) -> str:
    """Return why ``name`` is left alone, or nothing."""
    if name.local:
        return "is made on this machine: no registry has it"
    return "has its digest in its name" if name.digest else ""


def _summary(failures: Sequence[FactoryError], count: int) -> FactoryError:
    first = next((error for error in failures if isinstance(error, UnreachableError)), failures[0])
    return type(first)(
        f"{len(failures)} of {count} images stay as they were in matrix.yaml",
        why=tuple(dict.fromkeys(map(_reason, failures))),
        remedy=first.remedy,
    )


def _reason(error: FactoryError) -> str:
    return f"{error.what}: {'; '.join(error.why)}"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise MatrixError(f"there is no {path.name} here", remedy="Run this in the repository's root.") from error
    except UnicodeDecodeError as error:
        raise MatrixError(f"{path.name} is not a text file in UTF-8", why=(str(error),)) from error


def _write(path: Path, text: str) -> None:
    target = path.resolve()
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.write_bytes(text.encode("utf-8"))
        shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
