from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.pylock import Pylock, is_valid_pylock_path
from packaging.version import Version

from factory.index import locks
from factory.index.published import Published
from tests.samplewheels import GUIDE, wheel


def written(one: Published) -> Pylock:
    ((path, text),) = locks.files([one]).items()
    assert is_valid_pylock_path(Path(path))
    return Pylock.from_dict(tomllib.loads(text))


@pytest.mark.parametrize("requires_python", [">=3.9", None])
def test_a_wheel_has_a_lock(requires_python: str | None) -> None:
    one = wheel(requires_python=requires_python)
    lock = written(one)
    assert str(lock.requires_python) == "==3.10.*"
    (package,) = lock.packages
    assert (package.name, package.version) == ("flash-attn", Version("2.7.4.post1+cu12torch2.6cxx11abifalse"))
    assert (package.requires_python is None) is (requires_python is None)
    (locked,) = package.wheels or ()
    assert (locked.name, locked.url, locked.size) == (one.filename, one.url, one.size)
    assert locked.hashes == {"sha256": one.sha256}
    assert locked.upload_time is not None
    assert locked.upload_time.isoformat() == "2026-11-22T10:00:00+00:00"


def test_a_mirrors_lock_names_the_file_beside_it() -> None:
    (locked,) = written(replace(wheel(), url=f"files/{GUIDE.replace('+', '%2B')}")).packages[0].wheels or ()
    assert (locked.path, locked.url) == (f"../files/{GUIDE}", None)
