"""Where containers come from, and what is the same for each of them: its directory, its lines, its end."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from factory.build.container import messages, spec
from factory.build.container.spec import ContainerJob, Outside
from factory.data import DATA
from factory.diagnose import machine
from factory.diagnose.judge import selector_of
from factory.environment.environment import Installer
from factory.errors import ContainerError, DiskFullError, FactoryError, ImageError
from factory.image.engine import Engine
from factory.kernels import costs, source
from factory.matrix.kernelset import need_of
from factory.matrix.model import Cell, Image, Matrix
from factory.session import Session
from factory.system import pipconfig
from factory.system.cache import locked

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")  # Debian's place, Red Hat's
_PROGRAM = DATA.parent


@dataclass(frozen=True, kw_only=True)
class Containers:
    """Where containers come from: the engine, the installer of cibuildwheel, the matrix and its file, and the bytes of
    memory for compiles, None for what is free inside.
    """

    engine: Engine
    installer: Installer
    matrix: Matrix
    matrix_file: Path
    memory: int | None


def image_of(cell: Cell, matrix: Matrix) -> Image:
    """Return the image ``cell`` is built in, whose host compiler its kernels are made with.

    Raises ImageError where the matrix names none.
    """
    need = need_of(cell, matrix)
    found = matrix.toolkits[need.cuda].image_of(need.machine)
    if found is None:
        raise ImageError(
            f"matrix.yaml names no image for CUDA {need.cuda} and {need.machine}",
            remedy="Name one there, or build with --backend host",
        )
    return found


@contextmanager
def container_session(name: str, cell: Cell, containers: Containers, session: Session) -> Iterator[ContainerSession]:
    """Yield a container's surroundings, to one process at a time; what it wrote on the way is gone when all went well.

    ``name`` is that of its directory and its log. Raises ImageError.
    """
    with locked(session.cache / "work" / f".{name}.lock"):
        one = ContainerSession(
            name=name,
            cell=cell,
            image=image_of(cell, containers.matrix),
            containers=containers,
            session=session,
            run=uuid.uuid4().hex,
        )
        one.remove(spec.place(one.workspace))
        shutil.rmtree(one.workspace, ignore_errors=True)
        try:
            yield one
        finally:
            for path in (session.cache / "logs").glob(f"{one.run}.*.json"):
                path.unlink()
        shutil.rmtree(one.workspace)


@dataclass(frozen=True, kw_only=True)
class ContainerSession:
    """One container from its making to its end; ``run`` is its own name."""

    name: str
    cell: Cell
    image: Image
    containers: Containers
    session: Session
    run: str

    @property
    def workspace(self) -> Path:
        """What this container is made from."""
        return self.session.cache / "work" / f"{self.name}-container"

    @property
    def project(self) -> Path:
        """What stands in it as ``/project``."""
        return self.workspace / "project"

    @property
    def log(self) -> Path:
        """All it says."""
        return self.session.cache / "logs" / f"container-{self.name}.log"

    def lay_out(self) -> Path:
        """Fill ``project`` with the factory and the matrix; return the unpacked source, which is here then.

        Raises UnreachableError, SourceError or DigestError where the source is not to be had.
        """
        release = self.containers.matrix.flash_attn[self.cell.flash_attn]
        root = source.checked(release, cache=self.session.cache, env=self.session.env, say=self.session.log.say)
        self.project.mkdir(parents=True)
        shutil.copytree(_PROGRAM, self.project / "factory", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(self.containers.matrix_file, self.project / "matrix.yaml")
        for name in spec.SHARED:
            (self.session.cache / name).mkdir(exist_ok=True)
        return root

    def order(self, *, shard: str | None = None, minutes: float | None = None) -> None:
        """Write down what the steps inside are to do; ``minutes`` are what compiles may take."""
        limits = self.session.limits
        job = ContainerJob.of(self.cell, run=self.run, jobs=limits.jobs, memory=self.containers.memory)
        (self.project / "job.json").write_text(job.limited(shard=shard, minutes=minutes).to_json())

    def outside(self) -> Outside:
        """Return what it is given of this machine, its CA bundle and package index included.

        Raises UsageError when one of pip's files cannot be read.
        """
        env = self.containers.engine.env
        return Outside(
            engine=self.containers.engine.name,
            mounts=spec.mounts(self.session.cache, bundle=_bundle(env), pip_configuration=self._pip_configuration()),
            proxies=tuple(name for name in spec.PROXIES if name in env),
            jobs=self.session.limits.jobs,
            run=self.run,
            workspace=self.workspace,
        )

    def _pip_configuration(self) -> Path | None:
        """Write down which index pip is to use inside; readable by nobody else, for its address may hold a password."""
        settings = pipconfig.settings(self.session.env)
        if not settings:
            return None
        path = self.workspace / "pip.conf"
        path.touch(mode=0o600)
        path.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        return path

    def listen(self, keep: Callable[[str], object]) -> Callable[[str], None]:
        """Return what takes a line of output: all of them are kept, the factory's own are said."""

        def take(line: str) -> None:
            keep(f"{line}\n")
            if line.startswith(messages.MARK):
                self.session.log.say(f"  {self.named(line.removeprefix(messages.MARK))}")

        return take

    def named(self, text: str) -> str:
        """Return ``text`` with the cache named as it is called here."""
        return text.replace(str(spec.CACHE), str(self.session.cache))

    def left(self, name: str) -> str | None:
        """Return what a step left under ``name`` for the factory outside, once; None where it left nothing."""
        path = self.session.cache / "logs" / f"{self.run}.{name}.json"
        if not path.is_file():
            return None
        text = path.read_text()
        path.unlink()
        return text

    def clear_up(self) -> None:
        """Remove the container if it is still there, and make what it wrote the caller's own."""
        self.remove(spec.label(self.run))
        if not self.containers.engine.rootless and os.getuid() != 0:
            self._take_over()

    def remove(self, label: str) -> None:
        """Remove the containers that carry ``label``, at once: whoever is interrupted may have seconds."""
        engine = self.containers.engine
        found = engine.run("ps", "--all", "--quiet", "--filter", f"label={label}", timeout=60)
        for name in found.stdout.split():
            engine.run("kill", name, timeout=60)  # before removing it Podman would wait ten seconds for its end
            engine.run("rm", "--force", "--volumes", name, timeout=120)

    def _take_over(self) -> None:
        """Have a container's root, the only one who may, give its files to the caller."""
        mounts = [f"--mount={mount}" for mount in spec.mounts(self.session.cache) if mount.writable]
        owner = f"{os.getuid()}:{os.getgid()}"
        places = [str(spec.CACHE / name) for name in spec.SHARED]
        words = ("run", "--rm", "--pull=never", "--security-opt=label=disable", "--network=none", *mounts)
        done = self.containers.engine.run(*words, self.image.reference, "chown", "-R", owner, *places, timeout=600)
        if not done.ok:
            self.session.log.say(
                f"some files of {self.session.cache} still belong to root: {done.stderr.strip()[-200:]}"
            )

    def failure(self, doing: str, status: str) -> FactoryError:
        """Return the error that a step left word of, or else how the container ended while ``doing`` something."""
        told = self.left("error")
        if told is not None:
            return messages.from_json(self.named(told))
        found = machine.of_build(
            self.log, cache=self.session.cache, cell=selector_of(self.cell), peak=costs.table().peak
        )
        if found.cause == machine.DISK:
            return DiskFullError(
                f"the disk is full while {doing} in a container",
                why=[*found.why, f"whole log: {self.log}"],
                remedy="Free some space where the engine and the cache keep their files, then the same command again.",
            )
        return ContainerError(
            f"the container ended while {doing} ({status})",
            why=[*found.why, f"whole log: {self.log}"],
            remedy=found.next if found.known else "Finished kernels are kept; run the same command again.",
        )


def _bundle(env: Mapping[str, str]) -> Path | None:
    """Return the file of CA certificates that this machine trusts."""
    named = (env.get("SSL_CERT_FILE", ""), *_BUNDLES)
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
