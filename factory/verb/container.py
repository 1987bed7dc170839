"""Build the wheel of one cell in a container: cibuildwheel drives, the factory works on both sides of the wall."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from factory.core import container, word
from factory.core.container import ContainerJob, Outside
from factory.core.errors import ContainerError, DiskFullError, FactoryError, ImageError
from factory.core.model import Cell, Image, Matrix
from factory.core.progress import duration
from factory.core.wheel.facts import Expected
from factory.core.wheel.name import wheel_filename
from factory.data import DATA
from factory.edge import cibuildwheel, disk, pipconfig, shell, source, workshop
from factory.edge.cache import locked
from factory.edge.engine import Engine
from factory.edge.environment import Installer
from factory.edge.workshop import Workshop
from factory.verb.build import deliver, first_errors

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # Debian's place, Red Hat's
_PROGRAM = DATA.parent


@dataclass(frozen=True, kw_only=True)
class Yard:
    """Where containers come from: the engine, the installer of cibuildwheel, the matrix and its file, and the bytes of
    memory for compiles, None for what is free inside.
    """

    engine: Engine
    installer: Installer
    rules: Matrix
    matrix: Path
    memory: int | None


def image_of(cell: Cell, rules: Matrix) -> Image:
    """Give the image ``cell`` is built in. Raises ImageError where the matrix names none."""
    found = rules.toolkits[cell.cuda].image
    if found is None:
        raise ImageError(
            f"matrix.yaml names no image for CUDA {cell.cuda}", remedy="Name one there, or build with --backend host"
        )
    return found


def build(cell: Cell, yard: Yard, shop: Workshop, *, dist: Path) -> Path:
    """Make the wheel of ``cell`` in a container of its image, which is here, and give the wheel's path in ``dist``.

    Raises what failed inside as its own error, ContainerError when the container ended before its build did,
    and what the sdist and cibuildwheel's installation raise.
    """
    began = time.monotonic()
    used = image_of(cell, yard.rules)
    release = yard.rules.cibuildwheel[cell.python]
    python = cibuildwheel.find(release, cache=shop.cache, installer=yard.installer, say=shop.log.say)
    final = dist / wheel_filename(cell)
    with locked(shop.cache / "work" / f".{final.stem}.lock"):
        one = _Build(cell=cell, image=used, yard=yard, shop=shop, run=uuid.uuid4().hex)
        shutil.rmtree(one.workspace, ignore_errors=True)
        one.lay_out()
        shop.log.say(f"building {cell.id} in {used.reference} with {yard.engine}; output in {one.log}")
        deliver(one.go(python), final)
        shutil.rmtree(one.workspace)
    shop.log.say(f"wheel: {final} ({final.stat().st_size / 1e6:.1f} MB) in {duration(time.monotonic() - began)}")
    return final


@dataclass(frozen=True, kw_only=True)
class _Build:
    """One container from its making to its end."""

    cell: Cell
    image: Image
    yard: Yard
    shop: Workshop
    run: str

    @property
    def workspace(self) -> Path:
        return self.shop.cache / "work" / f"{Path(wheel_filename(self.cell)).stem}-container"

    @property
    def project(self) -> Path:
        return self.workspace / "project"

    @property
    def log(self) -> Path:
        return self.shop.cache / "logs" / f"container-{Path(wheel_filename(self.cell)).stem}.log"

    def lay_out(self) -> None:
        """Fill the directory that cibuildwheel copies into the container: the source, the factory, the job."""
        release = self.yard.rules.flash_attn[self.cell.flash_attn]
        root = source.unpacked(release, cache=self.shop.cache, env=self.shop.env)
        self.project.mkdir(parents=True)
        shutil.copytree(root, self.project / "source", symlinks=True)
        shutil.copytree(_PROGRAM, self.project / "factory", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(self.yard.matrix, self.project / "matrix.yaml")
        job = ContainerJob.of(self.cell, run=self.run, jobs=self.shop.limits.jobs, memory=self.yard.memory)
        (self.project / "job.json").write_text(job.to_json())
        for name in container.SHARED:
            (self.shop.cache / name).mkdir(exist_ok=True)

    def go(self, python: Path) -> Path:
        """Run cibuildwheel to its end; give the wheel it left."""
        configured = self.workspace / "cibuildwheel.toml"
        configured.write_text(tomli_w.dumps(self.configuration()))
        output = self.workspace / self.run  # an orphan of a killed build must not write here
        command = container.command(
            python, self.cell, configuration=configured, output=output, package=self.project / "source"
        )
        try:
            with self.log.open("w", buffering=1) as sink:
                status = shell.stream(command, line=self.listen(sink.write), cwd=self.project, env=self.yard.engine.env)
        finally:
            self.clear_up()
        wheels = list(output.glob("*.whl"))
        if status or len(wheels) != 1:
            raise self.failure(status)
        return wheels[0]

    def configuration(self) -> dict[str, object]:
        """Give what cibuildwheel is told, with the machine's CA bundle and package index."""
        env = self.yard.engine.env
        outside = Outside(
            engine=self.yard.engine.name,
            mounts=container.mounts(self.shop.cache, bundle=_bundle(env), pip_configuration=self.pip_configuration()),
            proxies=tuple(name for name in container.PROXIES if name in env),
            jobs=self.shop.limits.jobs,
            run=self.run,
        )
        return container.configuration(self.cell, self.image, outside)

    def pip_configuration(self) -> Path | None:
        """Write down which index pip is to use inside; readable by nobody else, for its address may hold a password."""
        settings = pipconfig.settings(self.shop.env)
        if not settings:
            return None
        path = self.workspace / "pip.conf"
        path.touch(mode=0o600)
        path.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        return path

    def listen(self, keep: Callable[[str], object]) -> Callable[[str], None]:
        """Give what takes a line of output: all of them are kept, the factory's own are said."""

        def take(line: str) -> None:
            keep(f"{line}\n")
            if line.startswith(word.MARK):
                self.shop.log.say(f"  {self.outside(line.removeprefix(word.MARK))}")

        return take

    def outside(self, text: str) -> str:
        """Name the cache in ``text`` as it is called here."""
        return text.replace(str(container.CACHE), str(self.shop.cache))

    def clear_up(self) -> None:
        """Remove the container if it is still there, and make what it wrote the caller's own."""
        engine = self.yard.engine
        found = engine.run("ps", "--all", "--quiet", "--filter", f"label={container.label(self.run)}", timeout=60)
        for name in found.stdout.split():
            engine.run("rm", "--force", "--volumes", name, timeout=120)
        if not engine.rootless and os.getuid() != 0:
            self.take_over()

    def take_over(self) -> None:
        """Have a container's root, the only one who may, give its files to the caller."""
        mounts = [f"--mount={mount}" for mount in container.mounts(self.shop.cache) if mount.writable]
        owner = f"{os.getuid()}:{os.getgid()}"
        places = [str(container.CACHE / name) for name in container.SHARED]
        words = ("run", "--rm", "--pull=never", "--security-opt=label=disable", "--network=none", *mounts)
        done = self.yard.engine.run(*words, self.image.reference, "chown", "-R", owner, *places, timeout=600)
        if not done.ok:
            self.shop.log.say(f"some files of {self.shop.cache} still belong to root: {done.stderr.strip()[-200:]}")

    def failure(self, status: int) -> FactoryError:
        """Give the error that a step left word of, or else say how the container ended."""
        told = self.shop.cache / "logs" / f"{self.run}.error.json"
        if told.is_file():
            error = word.from_json(self.outside(told.read_text()))
            told.unlink()
            return error
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        if disk.named("\n".join(lines)):
            return DiskFullError(
                f"the disk is full while building {self.cell.id} in a container",
                why=[*[line for line in lines if disk.named(line)][:2], f"whole log: {self.log}"],
                remedy="Free some space where the engine and the cache keep their files, then the same command again.",
            )
        return ContainerError(
            f"the container of {self.cell.id} ended before its wheel was made (cibuildwheel's status {status})",
            why=[*first_errors(lines), f"whole log: {self.log}"],
            remedy="Finished kernels are kept; run the same command again.",
        )


def _bundle(env: Mapping[str, str]) -> Path | None:
    """Give the file of CA certificates that this machine trusts."""
    named = (env.get("SSL_CERT_FILE", ""), *_BUNDLES)
    return next((Path(name) for name in named if name and Path(name).is_file()), None)


def expected(cell: Cell, yard: Yard, shop: Workshop) -> Expected:
    """Say what the audit holds the wheel of ``cell`` to, the image's promise included."""
    inner = (container.PROJECT, container.CACHE, Path("/factory"), Path("/opt/python"), Path("/opt/_internal"))
    row = yard.rules.torch[cell.torch]
    return Expected.of_cell(
        cell,
        check_symbol=workshop.kernel_class(row.kernel_class).check_symbol,
        manylinux=image_of(cell, yard.rules).promise,
        build_paths=tuple(str(path) for path in (*inner, shop.cache)),
    )
