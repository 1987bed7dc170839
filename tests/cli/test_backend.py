"""Where wheels are built, with programs in the engines' place."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from factory.build.build import Order
from factory.build.host import Host
from factory.cli import backend
from factory.environment import environment
from factory.errors import DiskFullError, EngineError, ImageError, InterpreterError, UnreachableError
from factory.matrix import cells, selector
from factory.matrix.load import load as load_matrix
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())
INFO = '{"host": {"arch": "amd64", "security": {"rootless": false}}, "version": {"Version": "4.3.1"}}'
UNREACHED = "dial tcp: lookup registry-1.docker.io: no such host"


def order(directory: Path, engine: str = "") -> tuple[Order, io.StringIO]:
    """Give an order of one cell on a machine whose podman, if any, is the script ``engine``."""
    programs = directory / "bin"
    programs.mkdir()
    if engine:
        (programs / "podman").write_text(f"#!/bin/sh\n{engine}\n")
        (programs / "podman").chmod(0o755)
    said = io.StringIO()
    planned = cells.expand(RULES, profile="smoke", archs=None)
    chosen = selector.select(planned, selector.parse(("cu124", "torch2.6", "cp310"), RULES))
    session = Session(
        cache=directory / "cache",
        env={"PATH": str(programs)},
        log=Log(Console(file=said, width=300)),
        limits=machine.limits({}, max_jobs=1),
    )
    return Order(cells=tuple(row.cell for row in chosen), matrix=RULES, session=session), said


def fits(*, contained: bool) -> None:
    """Say that there is room for anything."""


def test_without_an_engine_this_machine_builds_and_says_so_in_one_line(tmp_path: Path) -> None:
    made, said = order(tmp_path)
    assert backend.engine(made, None, fits) is None
    (line,) = said.getvalue().splitlines()
    assert line.startswith("on this machine itself: no container engine answers; docker is not installed")


def test_who_asks_for_this_machine_gets_it_without_a_word(tmp_path: Path) -> None:
    made, said = order(tmp_path, f"echo '{INFO}'")
    assert backend.engine(made, "host", fits) is None
    assert said.getvalue() == ""


def test_who_asks_for_containers_is_told_why_there_are_none(tmp_path: Path) -> None:
    made, _ = order(tmp_path)
    with pytest.raises(EngineError, match="no container engine answers"):
        backend.engine(made, "container", fits)


def test_an_engine_that_answers_and_has_the_image_is_the_default(tmp_path: Path) -> None:
    made, _ = order(tmp_path, f"case $1 in info) echo '{INFO}';; image) echo linux/amd64;; esac")
    found = backend.engine(made, None, fits)
    assert found is not None
    assert found.name == "podman"


def test_an_image_that_cannot_be_had_leaves_this_machine_unless_containers_were_asked_for(tmp_path: Path) -> None:
    script = f"case $1 in info) echo '{INFO}';; image) exit 1;; pull) echo '{UNREACHED}'; exit 125;; esac"
    made, said = order(tmp_path, script)
    assert backend.engine(made, None, fits) is None
    assert UNREACHED in said.getvalue().splitlines()[-1]
    with pytest.raises(UnreachableError, match="could not be fetched"):
        backend.engine(made, "container", fits)


def test_a_cuda_without_an_image_is_built_here(tmp_path: Path) -> None:
    made, said = order(tmp_path, f"echo '{INFO}'")
    text = MATRIX.read_text()
    start = text.index("    image:\n      name: docker.io/pytorch/manylinux2_28-builder:cuda12.4")
    end = text.index("  12.6:\n", start)
    matrix = load_matrix(f"{text[:start]}    image: null\n{text[end:]}")
    bare = Order(cells=made.cells, matrix=matrix, session=made.session)
    assert backend.engine(bare, None, fits) is None
    assert "names no image for CUDA 12.4" in said.getvalue()
    with pytest.raises(ImageError):
        backend.engine(bare, "container", fits)


def test_all_pythons_are_there_before_the_first_torch_is_fetched(tmp_path: Path) -> None:
    made, said = order(tmp_path)
    first = tmp_path / "bin" / "python3.10"
    first.write_text("#!/bin/sh\necho 3.10 cpython-310-x86_64-linux-gnu\n")
    first.chmod(0o755)
    nothing = {"HOME": str(tmp_path), "FACTORY_CACHE": str(tmp_path / "cache"), "UV": "/none"}
    cells_wanted = (*made.cells, replace(made.cells[0], python="3.11"))
    session = replace(made.session, env={**made.session.env, **nothing})
    with pytest.raises(InterpreterError, match=r"no CPython 3\.11"):
        Host(
            order=replace(made, cells=cells_wanted, session=session), installer=environment.installer(session)
        ).install()
    assert "torch" not in said.getvalue()


def test_room_is_asked_for_before_an_image_is_fetched_and_again_where_none_can_be(tmp_path: Path) -> None:
    fetched = tmp_path / "fetched"
    made, said = order(tmp_path, f"case $1 in info) echo '{INFO}';; image) exit 1;; pull) : > {fetched}; exit 1;; esac")
    asked: list[tuple[bool, bool]] = []

    def note(*, contained: bool) -> None:
        asked.append((contained, fetched.exists()))

    assert backend.engine(made, None, note) is None
    assert asked == [(True, False), (False, True)]

    def full(*, contained: bool) -> None:
        raise DiskFullError(f"contained: {contained}")

    fetched.unlink()
    with pytest.raises(DiskFullError, match="contained: True"):
        backend.engine(made, None, full)
    with pytest.raises(DiskFullError, match="contained: False"):
        backend.engine(made, "host", full)
    assert not fetched.exists()
    assert "contained" not in said.getvalue()
