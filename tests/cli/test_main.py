"""The command line as a person uses it, in a directory of its own with a matrix of small sdists."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from factory.__main__ import main
from factory.cli import repository
from factory.index.published import to_json
from factory.pool.store import Pool
from factory.system import process as shell
from tests.kernelsets import files, fill, kernel_set, whole_keys
from tests.samplewheels import named, wheel
from tests.smallsdist import ROOT, matrix_with_small_sdists

HOME = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(tmp_path / "cache"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACTORY_CACHE", str(tmp_path / "cache"))
    for name in ("MAX_JOBS", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def usage(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_plan_is_a_table_with_reasons_and_an_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--all"]) == 0
    out = capsys.readouterr().out
    assert "cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64" in out
    assert "older than CUDA 13" in out
    assert "in all about" in out.splitlines()[-1]


@pytest.mark.usefixtures("here")
def test_a_plan_shows_what_is_built_and_counts_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan"]) == 0
    out = capsys.readouterr().out
    assert "│ cu124 torch2.6 abiFALSE fa2.7.4.post1 x86_64 " in out
    assert "older than CUDA 13" not in out
    assert " other cells: " in out
    assert len(out.splitlines()) < 60
    assert "in all about" in out.splitlines()[-1]


@pytest.mark.usefixtures("here")
def test_plan_as_json_is_nothing_but_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json", "cu124 torch2.6", "cp310", "--profile", "smoke", "--archs", "8.6,8.9+PTX"]) == 0
    captured = capsys.readouterr()
    (cell,) = json.loads(captured.out)["cells"]
    assert cell["archs"] == ["8.6", "8.9+PTX"]
    assert ".smoke-cp310" in cell["wheel"]
    assert captured.err == ""


@pytest.mark.usefixtures("here")
def test_plan_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--why", "cu130", "torch2.6"]) == 0
    assert capsys.readouterr().out == "no such cell: torch2.6 was published for cu124, cu126; not cu130\n"
    assert main(["plan", "--why"]) == 2
    assert "--why cu130 torch2.6" in capsys.readouterr().err


def test_plan_gives_the_workflow_its_matrices(here: Path) -> None:
    (here / "output").write_text("before=1\n")
    assert main(["plan", "--jobs", "output", "--", "cu124 torch2.6", "cp310 cp311"]) == 0
    lines = dict(line.split("=", 1) for line in (here / "output").read_text().splitlines())
    assert lines["before"] == "1"
    (share,) = json.loads(lines["kernels"])
    assert share["name"] == "fa2.7.4.post1-cu124-8.0-9.0-full-1-of-1"
    assert [entry["cells"].split()[2] for entry in json.loads(lines["wheels"])] == ["cp310", "cp311"]
    assert json.loads(lines["build_runner"]) == ["ubuntu-24.04"]


@pytest.mark.usefixtures("here")
def test_a_selector_that_a_workflow_got_empty_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json"]) == 0
    whole = capsys.readouterr().out
    assert main(["plan", "--json", "--", ""]) == 0
    assert capsys.readouterr().out == whole
    assert main(["build", "--", ""]) == 11
    assert "no cell is named" in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_an_outcome_is_of_a_time_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "cu124", "--outcome", "file"]) == 2
    assert "--outcome needs --minutes" in capsys.readouterr().err
    for wrong in ("0", "soon", "-3"):
        assert "is not a number of minutes" in usage(capsys, "kernels", "cu124", f"--minutes={wrong}")


def test_plan_takes_away_what_is_published(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json"]) == 0
    (here / "site").mkdir()
    before = json.loads(capsys.readouterr().out)
    chosen = [cell for cell in before["cells"] if cell["state"] == "build"]
    (here / "site" / "wheels.json").write_text(to_json(named(cell["wheel"]) for cell in chosen[1:]))
    assert main(["plan", "--json", "--published", "--index", "site"]) == 0
    captured = capsys.readouterr()
    after = json.loads(captured.out)
    assert [cell["id"] for cell in after["cells"] if cell["state"] == "build"] == [chosen[0]["id"]]
    assert [row["id"] for row in after["kernel_sets"]] == [chosen[0]["kernels"]]
    told = {cell["id"]: cell["reason"] for cell in after["cells"] if cell["state"] == "published"}
    assert told[chosen[1]["id"]].startswith("is in release v2")
    assert "wheels, says site" in captured.err


@pytest.mark.usefixtures("here")
def test_a_published_cell_that_is_named_takes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "wheels.json").write_text(to_json([wheel()]))
    assert main(["plan", "cu124 torch2.6 cp310", "--published", "--index", str(here)]) == 0
    out = capsys.readouterr().out
    assert "published │ is in release v2.7.4.post1 since 2026-11-22" in out
    assert "in all about" not in out


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--index", "site"], 2, "need --published"),
        (["--repository", "a/b"], 2, "need --published"),
        (["--published"], 2, "--repository OWNER/NAME"),
        (["--published", "--index", "http://127.0.0.1:1"], 24, "the index cannot be reached"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_plan_that_cannot_know_what_is_published_is_none(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    assert main(["plan", *words]) == status
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ("https://github.com/someone/wheels.git", "someone/wheels"),
        ("git@github.com:someone/wheels", "someone/wheels"),
        ("https://gitlab.com/someone/wheels", None),
    ],
)
def test_kernels_are_asked_for_where_a_repository_is_known_only(
    here: Path, monkeypatch: pytest.MonkeyPatch, origin: str, named: str | None
) -> None:
    assert repository.remote_pool() is None
    for words in (["init", "--quiet"], ["remote", "add", "origin", origin]):
        assert shell.run(["git", *words], cwd=here).ok
    found = repository.remote_pool()
    assert (found and found.repository) == named
    monkeypatch.setenv("GITHUB_REPOSITORY", "in/actions")
    found = repository.remote_pool()
    expected = named or "in/actions"  # which may call this factory's workflow, and has no kernels
    assert found is not None
    assert found.address("kernels-v1", "a+b.tar.zst") == (
        f"https://github.com/{expected}/releases/download/kernels-v1/a%2Bb.tar.zst"
    )
    assert repository.known() == "in/actions"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    found = repository.remote_pool()
    assert found is not None
    assert (found.server, found.repository) == ("https://github.example", "in/actions")


@pytest.mark.usefixtures("here")
def test_memory_and_jobs_change_the_estimate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_JOBS", "7")
    assert main(["plan", "cu124", "torch2.6", "cp310", "--memory", "7.5"]) == 0
    assert "(7 jobs, 7.5 GB for compiles)" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["build", "cu124", "troch2.6"], 11, "torch2.6"),
        (["plan", "cu125"], 11, "cu12"),
        (["plan", "--profile", "smok"], 11, "smoke"),
        (["build"], 11, "cu124 torch2.6 cp310"),
        (["kernels", "cu130", "torch2.6"], 11, "not cu130"),
        (["build", "cu130", "torch2.9", "fa2.7.4.post1"], 12, "older than CUDA 13"),
        (["build", "cu124", "torch2.6", "--archs", "12.0"], 12, "cannot make 12.0"),
    ],
)
def test_what_cannot_be_has_its_status_and_the_nearest_name(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str
) -> None:
    assert main(words) == status
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert told in err


@pytest.mark.parametrize("archs", ["banana", "", " , ", "8.6,x"])
def test_architectures_are_read_at_the_door(capsys: pytest.CaptureFixture[str], archs: str) -> None:
    assert "write it like 8.6" in usage(capsys, "plan", "--archs", archs)


@pytest.mark.parametrize("memory", ["0", "-1", "nan", "inf", "much", ""])
def test_memory_is_a_size(capsys: pytest.CaptureFixture[str], memory: str) -> None:
    assert "in gigabytes" in usage(capsys, "plan", f"--memory={memory}")


def test_a_shard_is_read_at_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    assert "write it like 2/8" in usage(capsys, "kernels", "cu124", "--shard", "3/2")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"wheels: {"])
def test_a_matrix_that_is_none(here: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    (here / "matrix.yaml").unlink()
    if content is not None:
        (here / "matrix.yaml").write_bytes(content)
    assert main(["plan"]) == 10
    assert "matrix.yaml" in capsys.readouterr().err


def test_a_directory_called_matrix_yaml(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "matrix.yaml").unlink()
    (here / "matrix.yaml").mkdir()
    assert main(["plan"]) == 10
    assert "cannot be read" in capsys.readouterr().err


def test_a_cache_nobody_can_write(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACTORY_CACHE", str(here / "matrix.yaml"))
    assert main(["plan"]) == 2
    assert "FACTORY_CACHE" in capsys.readouterr().err


def test_a_full_disk(here: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "factory", "plan", "--json", "cu124", "torch2.6", "cp310"],
            env={**HOME, "FACTORY_CACHE": str(here / "cache"), "PYTHONUNBUFFERED": "1"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 34
    assert done.stderr.splitlines() == ["error: [Errno 28] No space left on device", "Free some space, then again."]


SMOKE = ["cu124", "torch2.6", "cp310", "--profile", "smoke", "--archs", "8.0,9.0"]


def test_a_kernel_set_travels(here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = kernel_set("a.cu")
    fill(Pool(here / "cache" / "pool"), kernels, "a.cu")
    assert main(["pool", "export", *SMOKE, "--to", "out"]) == 0
    (archive,) = (here / "out").iterdir()
    monkeypatch.setenv("FACTORY_CACHE", str(here / "other"))
    assert main(["pool", "import", str(archive)]) == 0
    assert main(["pool", "verify"]) == 0
    out = capsys.readouterr().out
    assert out.count(f"{kernels.name}: complete, 1 of 1 unit, 3 of 3 parts") == 3
    pool = Pool(here / "other" / "pool")
    assert main(["pool", "prune"]) == 0
    assert whole_keys(pool, kernels) == set(kernels.keys)
    assert main(["pool", "prune", *SMOKE]) == 0
    assert files(pool.root) == {}


def test_all_kernel_sets_go_into_dist_where_none_is_named(here: Path) -> None:
    pool = Pool(here / "cache" / "pool")
    sets = [kernel_set("a.cu"), kernel_set("b.cu", profile="full")]
    for kernels, source in zip(sets, ("a.cu", "b.cu"), strict=True):
        fill(pool, kernels, source)
    assert main(["pool", "export"]) == 0
    assert {path.name for path in (here / "dist").iterdir()} == {f"{kernels.name}.tar.zst" for kernels in sets}


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["export"], 11, "the pool is empty"),
        (["export", *SMOKE], 11, "asked for: fa2.7.4.post1 cu124 8.0 9.0 smoke"),
        (["prune", "cu125"], 11, "cu12"),
        (["prune", "--profile", "smoke"], 2, "need a selector"),
        (["export", "--archs", "8.0"], 2, "need a selector"),
        (["import", "none.tar.zst", "matrix.yaml"], 3, "there is no file none.tar.zst"),
        (["import", "matrix.yaml"], 25, "matrix.yaml is damaged, or is no archive of kernels"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_a_pool_cannot_do(capsys: pytest.CaptureFixture[str], words: list[str], status: int, told: str) -> None:
    assert main(["pool", *words]) == status
    assert told in capsys.readouterr().err


def test_a_damaged_pool_has_its_status(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = Pool(here / "cache" / "pool")
    fill(pool, kernel_set("a.cu"), "a.cu")
    pool.object_path(pool.records()[0]).write_bytes(b"damaged")
    assert [main(["pool", "verify"]), main(["pool", "verify"])] == [25, 0]
    assert "removed" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["sell"], ["import"], ["verify", "cu124"], ["prune", "--to", "dist"]])
def test_pool_has_four_actions(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert re.match(r"usage: \S.* pool ", usage(capsys, "pool", *words))


def test_an_audit_of_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["audit", str(tmp_path / "none.whl")]) == 40
    assert "none.whl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb",
    [
        [],
        ["plan"],
        ["kernels"],
        ["build"],
        ["pool"],
        ["pool", "export"],
        ["audit"],
        ["gpu_test"],
        ["publish"],
        ["index"],
        ["download"],
        ["update"],
        ["image"],
        ["pin"],
        ["lock"],
    ],
)
def test_help_says_what_each_word_is(capsys: pytest.CaptureFixture[str], verb: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*verb, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 120
    assert "[TOKEN ...]" not in out or "A selector is any of" in out


def test_a_real_process_has_no_traceback_and_honours_no_color(here: Path) -> None:
    env = {**HOME, "FACTORY_CACHE": str(here / "cache"), "FORCE_COLOR": "1"}
    words = [sys.executable, "-m", "factory", "build", "cu124", "troch2.6"]
    coloured, plain = (
        subprocess.run(words, env=env | more, capture_output=True, text=True, check=False)
        for more in ({"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"})
    )
    assert coloured.returncode == plain.returncode == 11
    assert "31m" in coloured.stderr
    assert "31m" not in plain.stderr
    assert "Traceback" not in plain.stderr


# A shell's background job starts its children with SIGINT ignored; the tests may run in one.
INTERRUPTIBLE_PLAN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from factory.__main__ import main
sys.exit(main(["plan"]))
"""


def test_an_interrupt_says_that_one_can_go_on(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (here / "cache").rename(here / "other")
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE_PLAN],
            env={**HOME, "FACTORY_CACHE": str(here / "cache"), "PIP_INDEX_URL": endpoint},
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            os.kill(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "interrupted; what is finished is kept, the same command goes on from here\n"


@pytest.mark.parametrize("dist", ["matrix.yaml", "matrix.yaml/dist", "/proc/dist"])
def test_a_dist_that_cannot_be_written_shows_before_anything_starts(
    here: Path, capsys: pytest.CaptureFixture[str], dist: str
) -> None:
    assert main(["build", "cu124", "torch2.6", "cp310", "--backend", "host", "--dist", dist]) == 2
    said = capsys.readouterr().err
    assert f"wheels cannot be kept in {dist}" in said
    assert "--dist DIR" in said
    assert [path.name for path in (here / "cache").iterdir()] == ["sdists"]


@pytest.mark.usefixtures("here")
def test_an_outcome_that_cannot_be_written_shows_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "cu124", "--backend", "host", "--minutes", "1", "--outcome", "matrix.yaml/x"]) == 3
    assert "matrix.yaml/x" in capsys.readouterr().err
