"""A verb loads what it uses: what is slow to load stays out of what is asked for often."""

import os
import pkgutil
import sys
from pathlib import Path

import pytest

from factory.cli.parser import read
from factory.system import process
from tests.smallsdist import ROOT, matrix_with_small_sdists

GITHUB, READER, HTTP = "github", ("auditwheel", "elftools"), ("requests", "pypi_simple")
SLOW = {GITHUB, *READER, *HTTP, "pydantic", "rich", "yaml", "shtab"}
TOLD = "import sys; from factory.__main__ import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules, sep='\\n')"
# A verb's words, and what of the slow it may load; a mistake ends each that would do much.
LOADED = {
    ("--help",): set(),
    ("build", "--help"): set(),
    ("plan", "--json", "cu124", "torch2.6", "cp310"): {"pydantic", "yaml", "rich"},
    ("diagnose", "no-such-log"): {"pydantic", "yaml", "rich"},
    ("doctor", "--github", "--guide"): {"pydantic", "yaml", "rich", *READER},
    ("download", "--index", "no-such-index"): {"pydantic", "yaml", "rich"},
    ("audit", "no-such.whl"): {"pydantic", "yaml", "rich", *READER},
}


@pytest.mark.parametrize("words", LOADED)
def test_a_verb_loads_what_it_uses(words: tuple[str, ...], tmp_path: Path) -> None:
    cache = tmp_path / "cache"  # a plan asks the network where the sdist is not there yet
    (tmp_path / "matrix.yaml").write_text(matrix_with_small_sdists(cache), encoding="utf-8")
    done = process.run(
        [sys.executable, "-c", TOLD, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FACTORY_CACHE": str(cache)},
    )
    assert done.stdout, done.stderr
    assert SLOW & set(done.stdout.splitlines()) <= LOADED[words]


@pytest.mark.parametrize(
    "words",
    [
        *(["plan"], ["kernels"], ["build"], ["prove"], ["reproduce", "a"], ["image", "cu124"], ["pin"], ["lock"]),
        *(["pool", "export"], ["pool", "import", "a"], ["pool", "verify"], ["pool", "prune"], ["audit", "a"]),
        *(["gpu_test", "a"], ["publish", "a"], ["index"], ["download"], ["doctor"], ["diagnose"], ["update"]),
    ],
    ids=" ".join,
)
def test_a_verb_is_where_the_parser_says(words: list[str]) -> None:
    assert callable(pkgutil.resolve_name(f"factory.cli.{read(words).run}"))
