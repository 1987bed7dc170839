"""What is public says what it is: a docstring each, in the imperative, with the factory's own errors that it raises."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from factory import errors

ROOT = Path(__file__).parent.parent / "factory"
# What runs alone, in other interpreters, knows none of the factory's errors.
ALONE = ("gpu_test/trial/", "index/served/")
ERRORS = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind)}

Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

MODULES = [
    name for path in sorted(ROOT.rglob("*.py")) if not (name := path.relative_to(ROOT).as_posix()).startswith(ALONE)
]


def complaints(node: ast.Module | Named, name: str, around: str = "") -> Iterator[str]:
    """Yield what is wrong with the docstring of ``node`` and of what is public in it; ``around``: of its class."""
    said = ast.get_docstring(node) or ""
    if not said:
        yield f"{name} has no docstring"
    if re.match(r"Gives?\b", said):
        yield f"{name} opens with Give, not with Return"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (f"{name} does not say that it raises {error}" for error in untold(node, f"{around}\n{said}"))
        return
    for inner in node.body:
        if isinstance(inner, Named) and not inner.name.startswith("_"):
            yield from complaints(inner, f"{name}.{inner.name}", said if isinstance(node, ast.ClassDef) else "")


def untold(function: ast.AST, said: str) -> Iterator[str]:
    """Yield the errors that ``function`` raises itself and of which ``said`` names neither the class nor a base."""
    raised = {raised_by(node) for node in ast.walk(function) if isinstance(node, ast.Raise)}
    for name in sorted(raised & ERRORS.keys()):
        if not any(
            re.search(rf"\b{base.__name__}\b", said) for base in ERRORS[name].__mro__ if base.__name__ in ERRORS
        ):
            yield name


def raised_by(node: ast.Raise) -> str:
    made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return ast.unparse(made).rpartition(".")[2] if made else ""


@pytest.mark.parametrize("module", MODULES)
def test_what_is_public_says_what_it_is(module: str) -> None:
    assert list(complaints(ast.parse((ROOT / module).read_text()), module.removesuffix(".py"))) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it has no docstring"),
        ('"""One."""\ndef f(): ...', "it.f has no docstring"),
        ('"""One."""\nclass C:\n  """Two."""\n  def f(self): ...', "it.C.f has no docstring"),
        ('"""One."""\ndef f():\n  """Give all."""', "it.f opens with Give, not with Return"),
        (
            '"""One."""\ndef f():\n  """Do it. Raises KernelError."""\n  raise errors.DigestError("no")',
            "it.f does not say that it raises DigestError",
        ),
    ],
)
def test_what_is_not_said_is_found(text: str, complaint: str) -> None:
    assert list(complaints(ast.parse(text), "it")) == [complaint]


@pytest.mark.parametrize(
    "text",
    [
        '"""One."""\ndef _f(): ...',
        '"""One."""\ndef f():\n  """Do it. Raises FactoryError."""\n  raise DigestError("no")',
        '"""One."""\nclass C:\n  """Two. Raises DigestError."""\n  def f(self):\n    """Do."""\n    raise DigestError',
        '"""One."""\ndef f():\n  """Do it."""\n  raise ValueError("no")',
    ],
)
def test_what_is_said_is_enough(text: str) -> None:
    assert list(complaints(ast.parse(text), "it")) == []
