"""With a stand-in for uv: which locks are written, and what is asked for; no network."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from factory.data import DATA
from factory.environment.lock import Wanted, lock
from factory.environment.requirements import lock_name
from factory.errors import UnreachableError
from factory.matrix.load import load as load_matrix
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[2]
RULES = load_matrix(MATRIX.read_text(encoding="utf-8"))
_FILE = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = _FILE["project"], _FILE["dependency-groups"]
WANTED = Wanted(matrix=RULES, groups=GROUPS)
TOOLS = {
    "cibuildwheel-3.4.1.txt",
    "cibuildwheel-4.3.3.txt",
    "cibuildwheel-4.3.5.txt",
    "docs.txt",
    "factory.txt",
    "nox.txt",
    "release.txt",
    "virtualenv.txt",
}
TORCHES = {
    lock_name(torch, build) for torch in RULES.torch.values() for build in torch.builds if build.index_url is None
}
NAMES = TOOLS | TORCHES


def fake_uv(directory: Path, last: str) -> dict[str, str]:
    """Make a uv whose lock is what it was asked for: the Python, then the requirements."""
    path = directory / "uv"
    path.write_text(
        "#!/bin/sh\n"
        'while test "$1" != --output-file; do if test "$1" = --python-version; then python=$2; fi; shift; done\n'
        f'{{ echo "# $python"; cat "$3"; }} > "$2"\n{last}\n'
    )
    path.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin"}


def test_one_lock_for_each_build_of_the_default_index(tmp_path: Path) -> None:
    said: list[str] = []
    lock(WANTED, locks=tmp_path / "locks", env=fake_uv(tmp_path, ""), say=said.append)
    assert {path.name for path in (tmp_path / "locks").iterdir()} == NAMES
    assert len(said) == len(NAMES)
    lines = (tmp_path / "locks" / "torch-2.6.0-cu124.txt").read_text().splitlines()
    assert lines[0] == "# 3.9"
    assert lines[1] == 'torch==2.6.0; sys_platform == "linux" and platform_machine == "x86_64"'
    assert any(line.startswith("setuptools<82,>=70.1; ") for line in lines)
    lines = (tmp_path / "locks" / "factory.txt").read_text().splitlines()
    marked = [line for line in lines if line.startswith(("backports-zstd", "backports.zstd"))]
    assert "3.14" in marked[0]
    assert "linux" in marked[0]


def test_the_oldest_python_is_so_by_number(tmp_path: Path) -> None:
    lock(WANTED, locks=tmp_path / "locks", env=fake_uv(tmp_path, ""), say=lambda _: None)
    assert (tmp_path / "locks" / "torch-2.9.1-cu128.txt").read_text().startswith("# 3.10\n")


@pytest.mark.parametrize(("days", "told"), [(7, ["--exclude-newer", "7 days"]), (0, [])])
def test_what_the_index_has_not_had_for_some_days_is_passed_over(tmp_path: Path, days: int, told: list[str]) -> None:
    env = fake_uv(tmp_path, f'echo "$all" >> {tmp_path}/asked')
    uv = tmp_path / "uv"
    uv.write_text(uv.read_text().replace("#!/bin/sh\n", '#!/bin/sh\nall=$(printf "%s\\n" "$@")\n'))
    lock(WANTED, locks=tmp_path / "locks", env=env, say=lambda _: None, days=days)
    words = (tmp_path / "asked").read_text().splitlines()
    assert words.count("--output-file") == len(NAMES)
    assert [word for word in words if "exclude" in word or word.endswith(" days")] == told * len(NAMES)


@pytest.mark.parametrize(("name", "own"), [("docs", True), ("release", False)])
def test_what_is_published_is_made_with_locked_packages(name: str, own: bool) -> None:  # noqa: FBT001 - a parameter
    locked = (DATA / "locks" / f"{name}.txt").read_text()
    project = PROJECT["dependencies"] if own else []
    for line in (*project, *GROUPS[name]):
        wanted = Requirement(line)
        versions = re.findall(rf"^{canonicalize_name(wanted.name)}==(\S+)", locked, re.MULTILINE)  # by Python
        assert versions
        assert all(version in wanted.specifier for version in versions)


def test_the_factory_s_lock_has_all_that_its_project_asks_for() -> None:
    locked = (DATA / "locks" / "factory.txt").read_text()
    for line in PROJECT["dependencies"]:
        wanted = Requirement(line)
        (version,) = re.findall(rf"^{canonicalize_name(wanted.name)}==(\S+)", locked, re.MULTILINE)
        assert version in wanted.specifier


@pytest.mark.parametrize("there", [True, False])
def test_uv_s_own_words_or_its_absence_are_told(tmp_path: Path, there: bool) -> None:  # noqa: FBT001 - a parameter
    env = fake_uv(tmp_path, "echo 'no such torch' >&2; exit 1") if there else {"PATH": str(tmp_path)}
    with pytest.raises(UnreachableError, match=r"\.txt could not be resolved") as caught:
        lock(WANTED, locks=tmp_path / "locks", env=env, say=lambda _: None)
    assert ("no such torch" in caught.value.why) == there
    assert "nox -s lock" in caught.value.remedy
    assert list((tmp_path / "locks").iterdir()) == []
