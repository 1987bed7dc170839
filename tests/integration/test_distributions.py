"""The README's first command, and kernels with every g++, on real Debians: in folders that debootstrap makes.

Run by ``nox -s e2e_distributions`` as root on Debian. In each folder an ordinary user makes the small sdist's wheel
with the folder's own Python, and then one real unit with each CUDA and g++. The folders are kept in the factory's
cache, with the toolkits and the torch that were fetched into them; all else is new each time, every pool first of all.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import pytest

from factory.kernels import fetchedcompiler
from factory.matrix.load import load as load_matrix
from factory.pool.store import Pool
from factory.prove import cubin
from factory.system import process
from factory.system.files import sha256_of
from factory.versions import python_tag
from tests import distributions
from tests.distributions import CUDA, TITLES, Code, Record, Seen
from tests.frozen import MATRIX
from tests.integration import debianfolder
from tests.integration.debianfolder import HOME, Folder
from tests.smallsdist import ROOT, matrix_with_small_sdist

pytestmark = pytest.mark.e2e_distributions

RULES = load_matrix(MATRIX.read_bytes())
CLONE = HOME / "factory"
PYTHON = CLONE / ".nox" / "factory" / "bin" / "python"
KEPT = HOME / "kept"
LARGE = ("toolkits", "environments")
SOURCES = ("sdists", "sources")
# A wheel that the folder's own Python can have: flash-attn, CUDA, torch.
WHEELS = {
    "bookworm": ("2.7.4.post1", "cu124", "torch2.6"),
    "trixie": ("2.7.4.post1", "cu124", "torch2.6"),
    "sid": ("2.8.3.post2", "cu130", "torch2.11"),
}
# A Python that sid has beside its own, and the only torch there is for it.
NEXT_PYTHON = "3.15"
NEXT_WHEEL = ("2.8.3.post2", "cu132", "torch2.15")
IMPORT = """
import sys, torch, flash_attn
from flash_attn import flash_attn_func
print("%d.%d" % sys.version_info[:2], torch.__version__, flash_attn.__version__, flash_attn_func(0.0))
"""
# The quickest forward unit of the smoke profile: the longest is share 1, the backward ones, empty, come last.
UNITS = {"12.4": ("cu124", "torch2.6", "--shard", "56/84"), "13.0": ("cu130", "torch2.11", "--shard", "48/72")}
SET = ("--profile", "smoke", "--archs", "8.0")
HERE = ("--backend", "host", "--no-remote-pool")
REFUSED = 26
AT_ONCE = 2


@dataclass(frozen=True, kw_only=True)
class Done:
    """What came of one unit: how it ended and what its pool holds, ``compiler`` is the version of the g++."""

    status: int
    output: str
    seconds: float
    compiler: str | None
    code: Code | None


@cache
def debian(suite: str) -> Folder:
    """Give the folder with a fresh copy of this working tree in it."""
    debianfolder.require()
    made = debianfolder.folder(suite)
    shutil.rmtree(made.outside(CLONE), ignore_errors=True)
    listed = process.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT)
    assert listed.ok, listed.stderr
    for name in listed.stdout.split("\0"):
        if name != "matrix.yaml" and (ROOT / name).is_file():
            target = made.outside(CLONE / name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    shutil.copy(MATRIX, made.outside(CLONE / "matrix.yaml"))
    made.said("chown", "--recursive", "builder:", CLONE, user="root")
    made.said("mkdir", "--parents", *(KEPT / name for name in (*LARGE, *SOURCES)))
    return made


def run_directory(cuda: str, name: str) -> Path:
    return HOME / "runs" / f"{cuda}-{name}"


def new_cache(folder: Folder, made: Path, kept: Sequence[str]) -> None:
    """Make an empty cache that shares with the others only what is large or fetched, and never changes."""
    folder.said("rm", "--recursive", "--force", made)
    folder.said("mkdir", "--parents", made)
    for entry in kept:
        folder.said("ln", "--symbolic", KEPT / entry, made / entry)


def first_command() -> str:
    """Give what README has one type first, up to the session's own words."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    typed = re.search(r"^python3 -m venv .*nox -s build -- ", readme, re.MULTILINE)
    assert typed is not None
    return typed[0]


@cache
def installed(suite: str) -> Folder:
    """Give the folder with the factory installed in it, as README's first command does that."""
    folder = debian(suite)
    folder.said("sh", "-c", first_command().replace(" -- ", " --install-only"), directory=CLONE)
    return folder


def build(folder: Folder, python: str, wanted: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Type README's first command, for the small sdist as the flash-attn, CUDA and torch ``wanted``."""
    used = HOME / "runs" / "small"
    new_cache(folder, used, LARGE)
    version, *tokens = wanted
    wheel = (f"fa{version}", *tokens, python_tag(python), *SET, *HERE)
    own = folder.outside(CLONE / "matrix.yaml")
    own.write_text(matrix_with_small_sdist(folder.outside(used), RULES.flash_attn[version]), encoding="utf-8")
    folder.said("chown", "--recursive", "builder:", used, user="root")
    done = folder.run("sh", "-c", first_command() + " ".join(wheel), directory=CLONE, env={"FACTORY_CACHE": str(used)})
    shutil.copy(MATRIX, own)
    sys.stdout.write(f"{TITLES[folder.suite]}\n{done.stdout}")
    return done


def python_of(folder: Folder) -> str:
    return folder.said("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


@dataclass(frozen=True, kw_only=True)
class Way:
    """What one run differs in; the files ``hidden`` are not there, and what the ``pools`` have need not be compiled."""

    program: Sequence[str] = ("factory", "kernels")
    cxx: str = ""
    cuda_home: str = ""
    hidden: Sequence[str] = ()
    kept: Sequence[str] = (*LARGE, *SOURCES)
    pools: Sequence[Path] = ()


def unit(folder: Folder, cuda: str, name: str, way: Way) -> Done:
    """Compile the unit of ``cuda`` with a cache of its own."""
    used = run_directory(cuda, name)
    new_cache(folder, used, way.kept)
    folder.said("mkdir", used / "pool")
    for pool in way.pools:
        folder.said("cp", "--recursive", pool / "parts", pool / "objects", used / "pool")
    env = {"FACTORY_CACHE": str(used), "CXX": way.cxx, "CUDA_HOME": way.cuda_home}
    words: tuple[str | Path, ...] = (PYTHON, "-m", *way.program, *UNITS[cuda], *SET, *HERE)
    began = time.monotonic()
    done = folder.run(*words, directory=CLONE, env=env, hidden=way.hidden)
    seconds = round(time.monotonic() - began, 1)
    sys.stdout.write(f"{TITLES[folder.suite]}, CUDA {cuda}, {name}: status {done.returncode} in {seconds} s\n")
    compiler, code = held(folder.outside(used / "pool"))
    return Done(status=done.returncode, output=done.stdout, seconds=seconds, compiler=compiler, code=code)


def held(where: Path) -> tuple[str | None, Code | None]:
    """Say which g++ the only set of a pool was made with, and what machine code its only unit has."""
    if not (where / "sets").is_dir():
        return None, None
    pool = Pool(where)
    (kernels,) = pool.sets()
    rows = [row for key, row in pool.by_key().items() if row.part == "sm_80" and key in kernels.keys]
    if not rows:
        return kernels.host_compiler, None
    (row,) = rows
    code = cubin.read_code(pool.object_path(row))
    name = Path(row.source).name
    return kernels.host_compiler, Code(
        flash_attn=kernels.flash_attn, source=name, kernels=code.kernels, sha256=code.sha256
    )


@cache
def published(cuda: str) -> Code:
    """Give the machine code of the toolkit as NVIDIA made it, which Debian 12's glibc takes."""
    done = unit(installed("bookworm"), cuda, "as published", Way(program=("tests.integration.aspublished",)))
    assert done.status == 0, done.output
    assert done.code is not None
    return done.code


@cache
def with_each_compiler(suite: str) -> tuple[tuple[Seen, Done], ...]:
    """Compile with each g++ by name; then let the factory choose one, for which all is then in the pool."""
    folder = installed(suite)
    each = [(cuda, f"g++-{major}") for cuda in CUDA for major in folder.compilers()]
    named = at_once([partial(seen, folder, cuda, "CXX", Way(cxx=cxx)) for cuda, cxx in each])
    chosen = []
    for cuda in CUDA:
        rows = [row for row, _ in named if (row.cuda, row.result) == (cuda, "compiled")]
        pools = [run_directory(cuda, f"g++-{row.major}") / "pool" for row in rows]
        chosen.append(seen(folder, cuda, "factory", Way(pools=pools)))
    return (*named, *chosen)


@cache
def with_a_newer_one_only(suite: str) -> tuple[tuple[Seen, Done], ...]:
    """Compile where no g++ but the newest is there, with each CUDA that refuses that one."""
    folder = installed(suite)
    *older, newest = folder.compilers()
    hidden = [f"/usr/bin/g++-{major}" for major in older]
    refusing = [cuda for cuda in CUDA if newest > RULES.toolkits[cuda].newest_gcc]
    return at_once([partial(seen, folder, cuda, "fetched", Way(hidden=hidden)) for cuda in refusing])


def at_once(jobs: Sequence[Callable[[], tuple[Seen, Done]]]) -> tuple[tuple[Seen, Done], ...]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda job: job(), jobs))


def seen(folder: Folder, cuda: str, by: str, way: Way) -> tuple[Seen, Done]:
    version = folder.said(way.cxx, "-dumpfullversion") if way.cxx else ""
    if way.cxx and int(version.partition(".")[0]) > RULES.toolkits[cuda].newest_gcc:
        way = replace(way, kept=())  # so that what is fetched would show
    done = unit(folder, cuda, way.cxx or by, way)
    row = Seen(
        suite=folder.suite,
        glibc=folder.said("getconf", "GNU_LIBC_VERSION").removeprefix("glibc "),
        python=python_of(folder),
        cuda=cuda,
        gxx=version or done.compiler or "",
        by=by,
        result={0: "compiled", REFUSED: "refused"}.get(done.status, f"status {done.status}"),
        seconds=done.seconds,
    )
    return row, done


@pytest.mark.parametrize("suite", TITLES)
def test_the_readmes_first_command_makes_a_wheel(suite: str) -> None:
    folder = debian(suite)
    python = python_of(folder)
    assert build(folder, python, WHEELS[suite]).returncode == 0
    assert wheel_of(folder, python).is_file()


def test_a_newer_python_than_the_suites_own_makes_a_wheel_and_imports_it() -> None:
    folder = debian("sid")
    apt = ("apt-get", "--quiet", "--yes", "install", f"python{NEXT_PYTHON}-dev")
    folder.said(*apt, user="root", directory=Path("/"))
    assert build(folder, NEXT_PYTHON, NEXT_WHEEL).returncode == 0
    wheel = wheel_of(folder, NEXT_PYTHON)
    (there,) = folder.outside(KEPT / "environments").glob(f"torch2.15.*-{python_tag(NEXT_PYTHON)}-*")
    python = KEPT / "environments" / there.name / "bin" / "python"
    unpacked = HOME / "runs" / "imported"
    folder.said("rm", "--recursive", "--force", unpacked)
    folder.said(python, "-m", "zipfile", "--extract", CLONE / "dist" / wheel.name, unpacked)
    said = folder.said(python, "-c", IMPORT, directory=unpacked)
    *_, last = said.splitlines()  # torch warns that there is no NumPy
    assert last.split() == [NEXT_PYTHON, "2.15.0+cu132", NEXT_WHEEL[0], "forward", "only"]


def wheel_of(folder: Folder, python: str) -> Path:
    """Give the only wheel for ``python`` that was made in the folder, which its report says is right."""
    (report,) = folder.outside(CLONE / "dist").glob(f"*-{python_tag(python)}-*.whl.report.json")
    assert json.loads(report.read_text())["ok"]
    return report.with_name(report.name.removesuffix(".report.json"))


@pytest.mark.parametrize("suite", TITLES)
def test_each_compiler_makes_the_code_of_the_toolkit_as_published_or_is_refused(suite: str) -> None:
    for row, done in with_each_compiler(suite):
        newest = RULES.toolkits[row.cuda].newest_gcc
        assert row.result == ("compiled" if row.major <= newest else "refused"), done.output
        assert done.code == (published(row.cuda) if row.result == "compiled" else None)
        assert row.by != "factory" or "1 in the pool, 0 to compile" in done.output


@pytest.mark.parametrize("suite", TITLES)
def test_a_refusal_comes_before_anything_is_fetched(suite: str) -> None:
    for row, done in with_each_compiler(suite):
        if row.result == "refused":
            newest = RULES.toolkits[row.cuda].newest_gcc
            assert f"CUDA {row.cuda} needs a host g++ of at most version {newest}" in done.output
            used = debian(suite).outside(run_directory(row.cuda, f"g++-{row.major}"))
            assert [path for path in used.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("suite", ["trixie", "sid"])
def test_where_only_a_newer_compiler_is_one_that_fits_is_fetched(suite: str) -> None:
    release = fetchedcompiler.pin().release
    rows = with_a_newer_one_only(suite)
    assert rows
    for row, done in rows:
        assert (row.result, row.gxx) == ("compiled", release), done.output
        assert f"fetching Debian's g++ {release}" in done.output
        assert done.code == published(row.cuda)


def test_a_toolkit_that_is_not_ours_stays_as_it_is_and_compiles() -> None:
    folder, home = installed("trixie"), Path("/opt/cuda-12.4")
    (ours,) = folder.outside(KEPT / "toolkits").glob("cuda-12.4-*")
    theirs = folder.outside(home)
    shutil.rmtree(theirs, ignore_errors=True)
    shutil.copytree(ours, theirs, symlinks=True)
    before = contents(theirs)
    done = unit(folder, "12.4", "CUDA_HOME", Way(cuda_home=str(home), kept=SOURCES))
    assert done.status == 0, done.output
    assert done.code == published("12.4")
    assert contents(theirs) == before
    assert not folder.outside(run_directory("12.4", "CUDA_HOME") / "toolkits" / ours.name).exists()


def contents(tree: Path) -> dict[str, tuple[str, int]]:
    """Give the sha256 and the time of each file, and where each link leads."""
    found = sorted(path for path in tree.rglob("*") if path.is_symlink() or path.is_file())
    return {
        str(path.relative_to(tree)): (
            str(path.readlink()) if path.is_symlink() else sha256_of(path),
            path.lstat().st_mtime_ns,
        )
        for path in found
    }


def test_what_was_seen_is_kept_and_said() -> None:
    """The record is what ``tests/test_distributions.py`` holds README to."""
    found = [pair for suite in TITLES for pair in (*with_each_compiler(suite), *with_a_newer_one_only(suite))]
    for row, done in found:
        assert done.code == {"compiled": published(row.cuda), "refused": None}[row.result]
    rows = [row for row, _ in found]
    made = Record(
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        seen=tuple(rows),
        code={cuda: published(cuda) for cuda in CUDA},
    )
    distributions.RECORD.write_text(made.to_json(), encoding="utf-8")
    for row in rows:
        sys.stdout.write(
            f"{TITLES[row.suite]:10}  glibc {row.glibc}  Python {row.python:4}  CUDA {row.cuda}  "
            f"g++ {row.gxx:6}  by {row.by:7}  {row.result} in {row.seconds} s\n"
        )
    sys.stdout.write(distributions.requirements(rows) + "\n")
