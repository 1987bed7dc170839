import pytest

from bench.starting import Clone, compared, main
from tests.frozen import MATRIX


def test_medians_are_compared_and_held_to_their_targets() -> None:
    rows = compared(
        {
            "a later plan": ([5.0, 90.0, 5.3], [1.3, 1.2, 40.0]),
            "disk of ten verbs": ([850e6], [60e6]),
            "--help": ([1], [1]),
        }
    )
    assert [row.line() for row in rows] == [
        "a later plan: 0.245 of before (5.30 s to 1.30 s) (target 0.350, met)",
        "disk of ten verbs: 0.071 of before (850 MB to 60 MB) (target 0.200, met)",
        "--help: 1.000 of before (1.00 s to 1.00 s) (target 0.400, MISSED)",
    ]


def test_the_disk_counts_each_file_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("clone")
    (root / ".nox" / "factory").mkdir(parents=True)
    (root / ".nox" / "factory" / "a").write_bytes(bytes(8192))
    clone = Clone(root=root, nox=MATRIX.with_name("nothing"), env={})
    with pytest.raises(FileNotFoundError):
        clone.disk()
    there = Clone(root=root, nox=root / "true", env={})
    there.nox.symlink_to("/bin/true")
    once = there.disk()
    (root / ".nox" / "factory" / "b").hardlink_to(root / ".nox" / "factory" / "a")
    assert there.disk() == once >= 8192


def test_help_measures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m bench.starting")
