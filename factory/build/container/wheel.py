"""Build the wheel of one cell in a container that cibuildwheel drives."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import tomli_w

from factory.build import finish
from factory.build.container import spec
from factory.build.container.session import Containers, ContainerSession, container_session, image_of
from factory.build.sbom import Materials
from factory.environment import cibuildwheel
from factory.kernels.installed import installed
from factory.matrix.checksymbol import check_symbol
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell
from factory.matrix.wheelname import wheel_filename
from factory.output.progress import duration
from factory.session import Session
from factory.system import process
from factory.system.files import deliver
from factory.wheel.facts import Expected


def build(cell: Cell, containers: Containers, session: Session, *, dist: Path) -> Path:
    """Make the wheel of ``cell`` in a container of its image, which is here, and return the wheel's path in ``dist``.

    Raises what failed inside as its own error, ContainerError when the container ended before its build did, and what
    the sdist and cibuildwheel's installation raise.
    """
    began = time.monotonic()
    driver = containers.matrix.cibuildwheel[cell.python]
    python = cibuildwheel.find(driver, cache=session.cache, installer=containers.installer, say=session.log.say)
    final = dist / wheel_filename(cell)
    with container_session(final.stem, cell, containers, session) as one:
        root = one.lay_out()
        shutil.copytree(root, one.project / "source", symlinks=True)
        one.order()
        session.log.say(f"building {cell.id} in {one.image.reference} with {containers.engine}; output in {one.log}")
        made, rows = _go(one, python), containers.matrix
        materials = Materials(
            release=rows.flash_attn[cell.flash_attn],
            root=root,
            torch=rows.torch[cell.torch],
            kernels=need_of(cell, rows).cuda,
        )
        deliver(finish.finished(made, cell, materials), final)
    session.log.say(f"wheel: {final} ({final.stat().st_size / 1e6:.1f} MB) in {duration(time.monotonic() - began)}")
    return final


def _go(one: ContainerSession, python: Path) -> Path:
    """Run cibuildwheel to its end; return the wheel it left."""
    configured = one.workspace / "cibuildwheel.toml"
    configured.write_text(tomli_w.dumps(spec.configuration(one.cell, one.image, one.outside())))
    output = one.workspace / one.run  # an orphan of a killed build must not write here
    command = spec.command(python, one.cell, configuration=configured, output=output, package=one.project / "source")
    try:
        with one.log.open("w", buffering=1) as sink:
            sink.write(process.shown(command))
            status = process.stream(
                command, line=one.listen(sink.write), cwd=one.project, env=one.containers.engine.env
            )
    finally:
        one.clear_up()
    wheels = list(output.glob("*.whl"))
    if status or len(wheels) != 1:
        raise one.failure(f"building {one.cell.id}", f"cibuildwheel's status {status}")
    return wheels[0]


def expected(cell: Cell, containers: Containers, session: Session) -> Expected:
    """Return what the audit holds the wheel of ``cell`` to, the image's promise included. Raises ImageError."""
    inner = (spec.PROJECT, spec.CACHE, Path("/factory"), Path("/opt/python"), Path("/opt/_internal"))
    return Expected.of_cell(
        cell,
        check_symbol=check_symbol(cell.torch),
        manylinux=image_of(cell, containers.matrix).promise,
        build_paths=tuple(str(path) for path in (*inner, session.cache)),
        installed=installed(containers.matrix.flash_attn[cell.flash_attn], cache=session.cache, env=session.env),
    )
