"""The project's own release, made with the tools that are installed here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factory import __version__
from project import release
from tests.frozen import MATRIX

ROOT = Path(__file__).parents[2]
READY = f"# Changelog\n\n## {__version__} (2026-12-01)\n\nAll of it.\n"
PARTS = ("factory", "docs", "matrix.yaml", "pyproject.toml", "CHANGELOG.md", "LICENSE", "README.md")
TAG = f"factory-v{__version__}"


def test_the_text_is_the_changelog_s_of_the_version_that_the_tag_names() -> None:
    assert release.notes(TAG, READY) == "All of it.\n"


@pytest.mark.parametrize("tag", ["", __version__, f"v{__version__}", f"{TAG}.post1", f"{TAG}\n"])
def test_another_tag_than_that_of_the_version_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="is not that of version"):
        release.notes(tag, READY)


def test_the_changelog_has_a_heading_for_the_version() -> None:
    assert re.search(rf"^## {re.escape(__version__)} \(.+\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two copies of what is packed, and more, as two machines may have them: other times, other rights."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PARTS]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    made = []
    for name, mode in (("one", 0o644), ("other", 0o600)):
        root = tmp_path_factory.mktemp(name) / "clone"
        for path in map(Path, filter(None, listed.split("\0"))):
            if (ROOT / path).is_file():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(MATRIX if path.name == "matrix.yaml" else ROOT / path, root / path)
                (root / path).chmod(mode)
        os.utime(root / "pyproject.toml", (mode, mode))
        made.append(root)
    return made[0], made[1]


@pytest.fixture(scope="module")
def built(clones: tuple[Path, Path]) -> tuple[Path, Path]:
    for number, root in enumerate(clones):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SOURCE_DATE_EPOCH", str(1_000_000_000 + number))
            release.build(root, root / "made")
    return clones[0] / "made", clones[1] / "made"


def test_sdist_and_wheel_are_the_same_bytes_wherever_they_are_made(built: tuple[Path, Path]) -> None:
    names = [f"flash_attn_wheel_factory-{__version__}{end}" for end in ("-py3-none-any.whl", ".tar.gz")]
    assert sorted(path.name for path in built[0].iterdir()) == names
    assert [(built[0] / name).read_bytes() for name in names] == [(built[1] / name).read_bytes() for name in names]


@pytest.mark.parametrize("end", [".whl", ".tar.gz"])
def test_what_is_released_installs_and_says_its_version(built: tuple[Path, Path], tmp_path: Path, end: str) -> None:
    (file,) = built[0].glob(f"*{end}")
    packages = tmp_path / "packages"
    options = ["--quiet", "--offline", "--no-deps", "--no-build-isolation", "--python", sys.executable]
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") or "uv"
    subprocess.run([uv, "pip", "install", *options, "--target", packages, file], check=True)
    command = (packages / "bin" / "flash-attn-wheel-factory", "--version")
    env = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"flash-attn-wheel-factory {__version__}\n"
    assert (packages / "factory/data/matrix.yaml").read_bytes() == MATRIX.read_bytes()


def test_a_build_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "nothing.here"\n')
    with pytest.raises(ValueError, match=r"nothing\.here"):
        release.build(tmp_path, tmp_path / "made")


def test_the_command_ends_with_the_reason_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["--tag", "v9.9.9", "--to", str(tmp_path / "made")]) == 1
    assert capsys.readouterr().err == f"release: the tag 'v9.9.9' is not that of version {__version__}: {TAG}\n"
    assert not (tmp_path / "made").exists()
