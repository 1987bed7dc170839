"""Make a builder image from Debian's packages, a CUDA toolkit and this machine's interpreters, without a registry."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from factory import toolkit
from factory.errors import DiskFullError, ImageError, InterpreterError
from factory.image import cudatree, debootstrap, layout, pythontree, store
from factory.image.check import must
from factory.image.engine import Engine
from factory.image.pythontree import PythonTree
from factory.output.progress import duration, gigabytes
from factory.session import Session
from factory.system import disk, process
from factory.system.cache import locked
from factory.toolkit.toolkit import CudaToolkit


def image(toolkit_version: str, session: Session, engine: Engine) -> str:
    """Make the image with CUDA ``toolkit_version`` (``12.4``) and return its name.

    An image of that name is replaced once the new one works.

    Raises:
        ImageError: This machine cannot make one (every reason is listed), or what was made does not work.
        EngineError: The engine cannot run a container.
        ToolkitError: No such toolkit is to be had.
        DiskFullError: The disk of the cache or of the engine is full.
    """
    trees = _trees(session)
    cuda = toolkit.find(toolkit_version, session.env, session.cache, session.log.say)
    workspace = session.cache / "work" / f"image-cuda{toolkit_version}"
    with locked(workspace.with_name(f".{workspace.name}.lock")), _cleared(workspace):
        try:
            _make(workspace, cuda, trees, engine, session)
        except OSError as error:
            if not disk.named(str(error)):
                raise
            raise DiskFullError(
                f"the disk that holds {session.cache} is full", remedy="Free some space, then the same command again."
            ) from error
    return layout.name(toolkit_version)


def _trees(session: Session) -> tuple[PythonTree, ...]:
    """Find what there is to copy. Raises ImageError with everything that keeps an image from being made here."""
    trees, without = [], {}
    for version in layout.PYTHONS:
        try:
            trees.append(pythontree.find(version, session.env))
        except InterpreterError as error:
            without[version] = error
    complaints = debootstrap.lacking(session.env, user=os.geteuid())
    if lost := without.get(layout.UTILITY):
        complaints.append((f"{lost.what}, which cibuildwheel's own helpers run in", lost.remedy))
    if not {tree.version for tree in trees} & {*layout.FACTORY}:
        newest = without[layout.FACTORY[-1]]
        complaints.append((f"no CPython {', '.join(layout.FACTORY)} to run the factory", newest.remedy))
    if complaints:
        why, remedies = zip(*complaints, strict=True)
        raise ImageError("no builder image can be made here", why=why, remedy="\n".join(dict.fromkeys(remedies)))
    return tuple(trees)


def _make(workspace: Path, cuda: CudaToolkit, trees: Sequence[PythonTree], engine: Engine, session: Session) -> None:
    root, archive = workspace / "root", workspace / "image.tar"
    _fill(root, cuda, trees, session)
    with _step("one archive of it all", session):
        _pack(root, archive)
    with _step(
        f"an image of {gigabytes(archive.stat().st_size)} GB for {engine}, tried before it gets its name", session
    ):
        store.take(
            archive,
            layout.name(cuda.version),
            changes=layout.changes(cuda.version),
            trial=layout.trial(cuda.version, [tree.version for tree in trees]),
            engine=engine,
        )


def _fill(root: Path, cuda: CudaToolkit, trees: Sequence[PythonTree], session: Session) -> None:
    """Make at ``root`` all that the image holds."""
    source = debootstrap.archive(session.env)
    packages = sorted({*layout.PACKAGES, *pythontree.packages(trees, session.env)})
    with _step(f"Debian {source.suite} with {len(packages)} packages and what they need", session):
        root.mkdir(parents=True)
        debootstrap.make(root, source, packages, session.env)
        shutil.copyfile(layout.BUNDLE, _below(root, layout.BUNDLE))
    with _step(f"CUDA {cuda.release} from {cuda.as_published.home}", session):
        cudatree.copy(cuda, _below(root, layout.cuda_home(cuda.version)), root.with_name("digests"))
    _below(root, layout.LINKER_CONFIG).write_text(layout.linker_config(tree.version for tree in trees))
    for tree in trees:
        with _step(f"Python {tree.version} from {tree.prefix}", session):
            pythontree.install(tree, root)


def _pack(root: Path, archive: Path) -> None:
    """Write the tree as one archive, and free its space: the engine needs as much again."""
    excluded = [f"--exclude={pattern}" for pattern in layout.LEFT_BEHIND]
    packed = process.run(["tar", "-C", root, "--numeric-owner", *excluded, "-cf", archive, "."])
    must(packed, "the image's archive could not be written")
    shutil.rmtree(root)


@contextlib.contextmanager
def _step(what: str, session: Session) -> Iterator[None]:
    """Say what is begun, and how long it took."""
    session.log.say(f"image: {what}")
    began = time.monotonic()
    yield
    session.log.say(f"  {duration(time.monotonic() - began)}")


@contextlib.contextmanager
def _cleared(workspace: Path) -> Iterator[None]:
    """Have nothing at ``workspace`` before the block and after it."""
    shutil.rmtree(workspace, ignore_errors=True)
    try:
        yield
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _below(root: Path, place: PurePosixPath) -> Path:
    return root / place.relative_to("/")
