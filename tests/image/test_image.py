from pathlib import Path

import pytest
from rich.console import Console

from factory.errors import ImageError
from factory.image.engine import Engine
from factory.image.image import image
from factory.output.log import Log
from factory.session import Session
from factory.system.machine import Limits


def test_a_machine_that_cannot_make_one_is_told_all_before_anything_is_made(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache"), "UV": "/none"}
    session = Session(cache=tmp_path / "cache", env=env, log=Log(Console()), limits=Limits(jobs=1, budget=10**9))
    unused = Engine(name="podman", path=tmp_path / "podman", version="0", rootless=False, architecture="amd64", env=env)
    with pytest.raises(ImageError, match="no builder image") as raised:
        image("12.4", session, unused)
    why = "\n".join(raised.value.why)
    assert "no CPython 3.9 on this machine" in why
    assert "no CPython 3.11, 3.12, 3.13, 3.14 to run the factory" in why
    assert "uv python install 3.9" in raised.value.remedy
    assert not (tmp_path / "cache").exists()
