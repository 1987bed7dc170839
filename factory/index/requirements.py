"""For each wheel a requirements file with its hash, of flash-attn alone, as the lock files are.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/ and "Secure installs" there.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from factory.index import locks
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import lines

HOME = "requirements"
"""The directory below the index's root in which they lie."""


def files(published: Iterable[Published]) -> dict[str, str]:
    """Return path below the index's root and content of the requirements file of every wheel."""
    return {path(one): _file(one) for one in published}


def path(one: Published) -> str:
    """Return where the requirements file of a wheel lies."""
    return f"{HOME}/{one.filename.removesuffix('.whl')}.txt"


def _file(one: Published) -> str:
    series = one.name.torch
    return (
        f"# {locks.needs(one.name)[:-1]}: pip install -r FILE\n"
        f"# Beside another torch pip refuses it; uv fetches torch {series}. Where every file must have a hash:\n"
        "# pip install --no-deps --require-hashes -r FILE\n"
        f"{_line(one)}\n"
    )


def _line(one: Published) -> str:
    """Write the requirement; a mirror's says where its wheels lie from there, so that it may be copied anywhere."""
    if urlsplit(one.url).scheme:
        return lines(one.row)["requirements"]
    wheels = one.url.rpartition("/")[0]
    return f"--find-links ../{wheels}\nflash-attn=={locks.version(one.name)} --hash=sha256:{one.sha256}"
