"""A machine is a row of data: few modules know one by its name, so that a third needs little code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from factory.platforms import platforms

ROOT = Path(__file__).parents[1]
# The client is one file and reads no data; torch is watched for the first machine alone.
KNOWING = {"index/served/flash_attn_wheel.py", "update/metadata.py"}
ASKS = re.compile(r"platform\.machine\(|uname\(")
EXAMPLE = re.compile(r"(cp\d+-linux_|fa\S+ |Linux on )x86_64")


def named(path: Path) -> set[str]:
    """Give the texts of a module, apart from its docstrings and from examples for people, that name a machine."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    names = [word for row in platforms().values() for word in (row.name, row.image, row.triple, row.cuda)]
    texts = {
        EXAMPLE.sub("", node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    }
    return {text for text in texts if any(name in text for name in names)}


def test_one_module_alone_asks_what_machine_this_is() -> None:
    asking = {str(path.relative_to(ROOT)) for path in ROOT.glob("factory/**/*.py") if ASKS.search(path.read_text())}
    assert asking == {"factory/platforms.py", "factory/index/served/flash_attn_wheel.py"}


def test_no_other_module_knows_a_machine_by_its_name() -> None:
    factory = ROOT / "factory"
    assert {str(path.relative_to(factory)) for path in factory.rglob("*.py") if named(path)} == KNOWING
