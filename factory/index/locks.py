"""For each wheel a lock file, of flash-attn alone: what else an environment has is not this index's to lock.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from factory.index.published import Published
from factory.matrix.wheelname import WheelName
from factory.versions import abi_word

HOME = "pylock"
"""The directory below the index's root in which they lie."""


def files(published: Iterable[Published]) -> dict[str, str]:
    """Return path below the index's root and content of the lock file of every wheel."""
    return {path(one): _lock(one) for one in published}


def path(one: Published) -> str:
    """Return where the lock file of a wheel lies; between ``pylock.`` and ``.toml`` a name may have no dot."""
    return f"{HOME}/pylock.{one.filename.removesuffix('.whl').replace('.', '_')}.toml"


def _lock(one: Published) -> str:
    """Write the lock; a mirror's names its wheel by the path from there, so that it works wherever that is copied."""
    name = one.name
    where = f"url = {_text(one.url)}" if urlsplit(one.url).scheme else f"path = {_text(f'../{unquote(one.url)}')}"
    floor = f"requires-python = {_text(one.requires_python)}\n" if one.requires_python else ""
    return (
        f"# {needs(name)}\n"
        'lock-version = "1.0"\n'
        'created-by = "flash-attn-wheel-factory"\n'
        f'requires-python = "=={name.python.removesuffix("t")}.*"\n\n'
        "[[packages]]\n"
        'name = "flash-attn"\n'
        f"version = {_text(version(name))}\n"
        f"{floor}\n"
        "[[packages.wheels]]\n"
        f"name = {_text(one.filename)}\n"
        f"upload-time = {one.uploaded}\n"
        f"{where}\n"
        f"size = {one.size}\n"
        f'hashes = {{ sha256 = "{one.sha256}" }}\n'
    )


def needs(name: WheelName) -> str:
    """Return in a sentence what must be there for a wheel to be installed alone."""
    abi = f"cxx11abi{abi_word(name.cxx11abi)}"
    return f"flash-attn alone, for where torch {name.torch} of CUDA {name.cuda_major} ({abi}) and einops are."


def version(name: WheelName) -> str:
    """Return the whole version of a wheel, as its METADATA spells it."""
    return f"{name.version}+{name.local}".lower()


def _text(value: str) -> str:
    """Spell a string as TOML does, whose basic strings JSON's are."""
    return json.dumps(value, ensure_ascii=False)
