"""GitHub's own reader of workflow files and evaluator of expressions, in a Node process beside this one."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from factory.system import cache
from factory.system import process as shell
from tests.rehearsal.tree import Expression, Tree, Where

_NODE = Path(__file__).parent / "node"
_BRIDGE = _NODE / "bridge.mjs"
_STATUS = frozenset({"success", "failure", "always", "cancelled"})
_PACKAGE = ("package.json", "package-lock.json")


def _no_hash(_patterns: tuple[str, ...]) -> str:
    raise AssertionError("hashFiles is asked for outside a job")


@dataclass(frozen=True)
class Status:
    """What ``success()`` and its kin answer; ``always()`` is always true."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False

    @classmethod
    def of(cls, *, failed: bool, cancelled: bool = False) -> Status:
        return cls(success=not (failed or cancelled), failure=failed and not cancelled, cancelled=cancelled)

    def plain(self) -> dict[str, bool]:
        return {"success": self.success, "failure": self.failure, "cancelled": self.cancelled, "always": True}


@dataclass(frozen=True)
class References:
    """What an expression names: paths from a context down, and functions in small letters."""

    paths: tuple[tuple[str, ...], ...]
    functions: frozenset[str]


@dataclass(frozen=True)
class Language:
    """Asks the Node process, which answers a line for a line."""

    requests: IO[str]
    answers: IO[str]

    def read(self, path: Path, name: str, kind: str = "workflow") -> Tree:
        """Read a file; ``kind`` is workflow or action. Raises Breakage with all that GitHub has against it."""
        answer = self._ask(operation=kind, name=name, content=path.read_text(encoding="utf-8"))
        lines = [str(Where(name, one["line"]).breaks(one["said"])) for one in answer.get("errors", ())]
        if lines or "error" in answer:
            raise Where(name, 1).breaks("\n".join([answer.get("error", "GitHub would not take this file:"), *lines]))
        return Tree.of(answer["tree"], name)

    @functools.cache  # noqa: B019 - there is one of it
    def references(self, expression: str) -> References:
        answer = self._ask(operation="references", expression=expression)
        return References(tuple(tuple(path) for path in answer["paths"]), frozenset(answer["called"]))

    def _ask(self, **request: object) -> dict[str, Any]:
        self.requests.write(json.dumps(request) + "\n")
        self.requests.flush()
        answer: dict[str, Any] = json.loads(self.answers.readline())
        return answer


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What expressions can see in one place. ``hash_files`` answers ``hashFiles``."""

    language: Language
    contexts: Mapping[str, Any]
    status: Status = field(default_factory=Status)
    hash_files: Callable[[tuple[str, ...]], str] = _no_hash

    def evaluate(self, expression: str, where: Where) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """Give the value of an expression. Raises Breakage for a name that is not there."""
        return self._answer(expression, where)["value"]

    def value(self, tree: Tree) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """Give what ``tree`` says with every expression in it evaluated."""
        if isinstance(tree.value, dict):
            return {key: self.value(one) for key, one in tree.value.items()}
        if isinstance(tree.value, tuple):
            return [self.value(one) for one in tree.value]
        return self.evaluate(tree.value.text, tree.where) if isinstance(tree.value, Expression) else tree.value

    def text(self, tree: Tree) -> str:
        """Give a scalar as GitHub writes it into a text: no decimals in 3, ``true`` and not True."""
        if isinstance(tree.value, Expression):
            return str(self._answer(tree.value.text, tree.where)["text"])
        if tree.value is None or isinstance(tree.value, str):
            return tree.value or ""
        return json.dumps(tree.value)

    def texts(self, tree: Tree | None) -> dict[str, str]:
        """Give a mapping of texts, such as ``env``."""
        return self.texts_of(tree.map) if tree else {}

    def texts_of(self, trees: Mapping[str, Tree]) -> dict[str, str]:
        return {key: self.text(one) for key, one in trees.items()}

    def holds(self, condition: Tree | None) -> bool:
        """Say whether an ``if`` holds; without a function of status in it, success is asked for besides."""
        if condition is None:
            return self.status.success
        said = condition.value
        expression = said.text if isinstance(said, Expression) else said if isinstance(said, str) else json.dumps(said)
        if not self.language.references(expression).functions & _STATUS:
            expression = f"success() && ({expression})"
        return truthy(self.evaluate(expression, condition.where))

    def _answer(self, expression: str, where: Where) -> dict[str, Any]:
        answers: dict[str, str] = {}
        while True:
            answer = self.language._ask(  # noqa: SLF001 - the other half of it
                operation="evaluate",
                expression=expression,
                contexts=self.contexts,
                status=self.status.plain(),
                answers=answers,
            )
            if "error" in answer:
                raise where.breaks(f"{answer['error']}, in: {expression}")
            if "ask" not in answer:
                return answer
            words = answer["ask"]
            answers[json.dumps(words, separators=(",", ":"), ensure_ascii=False)] = self.hash_files(tuple(words))


def truthy(value: object) -> bool:
    """Say what GitHub takes for true."""
    return value not in (False, 0, "", None)


@contextlib.contextmanager
def language() -> Iterator[Language]:
    """Start the Node process; the packages it needs are fetched once and kept with the factory's cache."""
    words = ["node", str(_BRIDGE), str(_packages())]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Language(process.stdin, process.stdout)
        finally:
            process.stdin.close()


def _packages() -> Path:
    version = hashlib.sha256(b"".join((_NODE / name).read_bytes() for name in _PACKAGE)).hexdigest()[:12]
    return cache.made_once(cache.cache_root(os.environ) / "actions-language" / version, _fetch)


def _fetch(directory: Path) -> None:
    for name in _PACKAGE:
        shutil.copyfile(_NODE / name, directory / name)
    done = shell.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=directory, timeout=300)
    assert done.ok, f"npm, which this needs, could not fetch what reads workflow files: {done.stdout}{done.stderr}"
