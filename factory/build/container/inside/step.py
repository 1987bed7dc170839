"""What each step does: the host's own verbs, on what the container has."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from factory.build import loading, setup
from factory.build.container import spec
from factory.build.container.kernels import SetRequest
from factory.build.container.spec import CACHE, PROJECT, ContainerJob
from factory.build.setup import CellWanted
from factory.environment import environment
from factory.errors import InstallError
from factory.kernels import kernels, prepared
from factory.kernels.prepared import KernelSetSpec
from factory.kernels.shard import Shard
from factory.kernels.stats import inputs_of, tally
from factory.matrix import cells, kernelset, selector
from factory.matrix.arch import Arch
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from factory.matrix.wheelname import wheel_filename
from factory.output.log import Log
from factory.pool.store import pool_in
from factory.session import Session
from factory.system import machine, process

_IMPORT = "import flash_attn; from flash_attn import flash_attn_func; print(flash_attn.__version__)"
_WHERE = "import sysconfig; print(sysconfig.get_path('purelib'))"


@dataclass(frozen=True, kw_only=True)
class Inside:
    """One build as its steps see it."""

    job: ContainerJob
    wanted: CellWanted
    matrix: Matrix
    session: Session

    @property
    def python(self) -> Path:
        """The interpreter of the step: the image's, or the one of the environment a wheel is tested in.

        Raises InstallError where the container's PATH has none.
        """
        found = shutil.which("python", path=self.session.env["PATH"])
        if found is None:
            raise InstallError("there is no python on the container's PATH")
        return Path(found)


def read(env: Mapping[str, str], log: Log) -> Inside:
    """Return the job and the matrix that came with the project.

    Raises MatrixError, SelectorError or CellError where the matrix does not have the cell.
    """
    job = ContainerJob.from_json((PROJECT / "job.json").read_text())
    matrix = load_matrix((PROJECT / "matrix.yaml").read_bytes())
    planned = cells.expand(matrix, profile=job.profile, archs=[Arch.parse(arch) for arch in job.archs])
    (row,) = selector.select(planned, selector.parse(job.tokens, matrix))
    own = spec.own_variables(row.cell)
    outer = {name: value for name, value in env.items() if name not in own}
    limits = machine.limits(outer, max_jobs=job.jobs, memory=job.memory)
    session = Session(cache=CACHE, env=outer, log=log, limits=limits)
    return Inside(job=job, wanted=setup.wanted(row.cell, matrix), matrix=matrix, session=session)


def note_kernels(inside: Inside) -> None:
    """Tell the factory outside which kernel set is needed here, and which parts of it.

    Raises what ``factory.kernels.prepared.prepare`` raises.
    """
    ready = kernels.note(_set(inside), inside.session)
    mine = kernels.shared(ready, _shard(inside))
    keys = kernels.needed(mine, ready)
    there = kernels.stocked(mine, pool_in(inside.session.cache))
    lacking = frozenset(unit.name for unit in mine if unit.key not in there)
    _leave(inside, "needed", SetRequest(kernels=prepared.record(ready), keys=keys, lacking=lacking).to_json())


def compile_kernels(inside: Inside) -> None:
    """Have the kernels of the cell in the pool. Raises what ``factory.kernels.kernels.kernels`` raises."""
    limit = inside.job.minutes
    until = None if limit is None else time.monotonic() + limit * 60
    made = kernels.kernels(_set(inside), inside.session, _shard(inside), until=until)
    need = kernelset.need_of(inside.wanted.cell, inside.matrix)
    counted = tally(need, _shard(inside), made.origins, pool_in(inside.session.cache))
    _leave(inside, "made", replace(counted, inputs=inputs_of(made.ready)).to_json())


def set_up(inside: Inside) -> None:
    """Install torch and the build tools, check torch, and lay out what the wheel step works with.

    Raises what the installer, ``toolkit.find``, ``factory.kernels.kernels.kernels`` and ``factory.build.setup.set_up``
    raise.
    """
    installer = environment.installer(inside.session)
    inside.session.log.say(f"installing torch {inside.wanted.torch.release} to build with")
    installer.install(inside.python, inside.wanted.torch, inside.wanted.build)
    installer.lock(inside.python, "virtualenv.txt")
    packages = _packages_of(inside.python)
    paths = replace(spec.paths(inside.wanted.cell), site_packages=packages)
    own = setup.runtime(inside.wanted.cell, _set(inside).toolkit.version, inside.session)
    paths.cuda_home.unlink(missing_ok=True)
    paths.cuda_home.symlink_to(own.home)
    ready = kernels.kernels(_set(inside), inside.session)
    setup.set_up(paths, inside.wanted, ready, inside.session)
    inside.session.log.say(f"building {wheel_filename(inside.wanted.cell)}")


def prepare_test(inside: Inside) -> None:
    """Let the environment that the wheel is tested in see the torch it was built with: five gigabytes, once."""
    built_with = _packages_of(spec.paths(inside.wanted.cell).python)
    (_packages_of(inside.python) / "torch.pth").write_text(f"{built_with}\n")


def test(inside: Inside) -> None:
    """Load the installed extension with every symbol bound, and import the package. Raises InstallError."""
    packages = _packages_of(inside.python)
    loading.load(inside.python, sorted(packages.glob("flash_attn*.so")), torch=inside.wanted.torch.release)
    done = process.run([inside.python, "-I", "-c", _IMPORT], timeout=600)
    if not done.ok:
        raise InstallError("the installed wheel cannot be imported", why=done.stderr.strip().splitlines()[-5:])
    inside.session.log.say(f"imported flash_attn {done.stdout.strip()} beside torch {inside.wanted.torch.release}")


def _packages_of(python: Path) -> Path:
    return Path(process.run([python, "-I", "-c", _WHERE], timeout=60).stdout.strip())


def _set(inside: Inside) -> KernelSetSpec:
    return prepared.set_wanted(kernelset.need_of(inside.wanted.cell, inside.matrix), inside.matrix)


def _shard(inside: Inside) -> Shard | None:
    return None if inside.job.shard is None else Shard.parse(inside.job.shard)


def _leave(inside: Inside, name: str, text: str) -> None:
    (CACHE / "logs" / f"{inside.job.run}.{name}.json").write_text(text)
