"""The command with its standard streams as shells, pipes and terminals leave them: no traceback, the right status."""

import os
import sys
from pathlib import Path

import pytest

from factory.cli import repository
from factory.errors import UsageError
from factory.system import process
from tests.frozen import MATRIX
from tests.smallsdist import ROOT

FACTORY = f"{sys.executable} -m factory"
WHY = "plan --why cu130 torch2.6"
MISTAKE = "plan --why"


def shell(directory: Path, line: str, **settings: str) -> process.Completed:
    """Run ``line`` in bash; the status of a pipe is that of its first program."""
    (directory / "matrix.yaml").write_bytes(MATRIX.read_bytes())
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "FACTORY_CACHE": str(directory / "cache"), **settings}
    line = f"{line}; exit ${{PIPESTATUS[0]}}"
    return process.run(["/bin/bash", "-c", line], cwd=directory, env=env)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"{WHY} <&- >&- 2>&-", 0),
        (f"{WHY} >/dev/full", 34),
        (f"{WHY} | true", 141),
        ("plan --help >/dev/full", 34),
        (f"{MISTAKE} >&-", 2),
        (f"{MISTAKE} 2>&-", 2),
        (f"{MISTAKE} 2>&1 | true", 2),
        (f"{MISTAKE} 2>/dev/full", 2),
        ("diagnose - <&-", 0),
    ],
)
def test_streams_that_are_closed_full_or_not_read(tmp_path: Path, line: str, status: int) -> None:
    words, pipe, reader = line.partition(" | ")
    done = shell(tmp_path, f"(sleep 0.2; exec {FACTORY} {words}){pipe}{reader}")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.status == status, done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1"])
@pytest.mark.parametrize("verb", [WHY, "plan --against matrix.yaml"])
def test_terminals_that_lack_a_sign(tmp_path: Path, encoding: str, verb: str) -> None:
    done = shell(tmp_path, f"{FACTORY} {verb} | iconv -f {encoding} -t utf-8", PYTHONIOENCODING=encoding)
    assert "Traceback" not in done.stderr
    assert done.status == 0
    assert done.stdout


@pytest.mark.parametrize("address", ["none", "http:///", "ftp://example.org", "http://[::1", "http://example.org:port"])
@pytest.mark.parametrize("variable", ["GITHUB_API_URL", "GITHUB_SERVER_URL"])
def test_an_address_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, address: str) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(UsageError, match=f"{variable} is no address"):
        repository.api() if variable == "GITHUB_API_URL" else repository.pages("a/b")
