"""A verb loads what it uses: what is slow to load stays out of what is asked for often."""

import pkgutil
import subprocess
import sys

import pytest

from factory.cli.parser import read
from tests.smallsdist import ROOT

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
def test_a_verb_loads_what_it_uses(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", TOLD, *words], capture_output=True, text=True, cwd=ROOT, check=False)
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
