"""What an sdist's ``setup.py`` says about its CUDA extension, read without running it.

flash-attn's ``setup.py`` imports torch, starts programs and downloads wheels; its syntax tree holds the
same facts. Names are followed to their nearest assignment above, lists and ``+`` are followed, and what
is computed at run time (gencode flags, thread counts) is left out: the factory sets those itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from factory.errors import SourceError
from factory.system.paths import inner

_SET_BY_THE_FACTORY = {"-gencode": 2, "--threads": 2, "-t": 2}


@dataclass(frozen=True, kw_only=True)
class Extension:
    """The CUDA extension of an sdist; paths are relative to its root, in ``setup.py``'s order.

    ``interface`` is the one C++ file of its ``sources``, which is what includes torch.
    """

    name: str
    kernels: tuple[str, ...]
    interface: str
    sources: tuple[str, ...]
    nvcc_flags: tuple[str, ...]
    include_dirs: tuple[str, ...]


def read_extension(setup_py: str) -> Extension:
    """Return the one ``CUDAExtension`` of ``setup_py``, whose sources are plain ``.cu`` files and one C++ file.

    Raises SourceError if there is none, several, or one written in a way this reader does not follow.
    """
    try:
        tree = ast.parse(setup_py)
    except (SyntaxError, ValueError) as error:
        raise SourceError("setup.py is not valid Python", why=[str(error)]) from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "CUDAExtension"]
    found = [extension for call in calls if (extension := _extension(call, tree)) is not None]
    if len(found) != 1:
        raise SourceError(
            f"setup.py has {len(found)} CUDA extensions with a readable list of .cu files; one is needed",
            why=[f"line {call.lineno}: CUDAExtension(...)" for call in calls],
            remedy="Its conventions changed: teach factory/kernels/sdist.py to read them.",
        )
    return found[0]


# What would put more into a wheel than the modules of its packages and the extension.
_PACKED_TOO = frozenset(
    {
        *("data_files", "entry_points", "headers", "include_package_data", "package_data", "package_dir", "py_modules"),
        *("scripts", "libraries", "script_name", "exclude_package_data", "namespace_packages"),
    }
)


def read_excluded(setup_py: str) -> tuple[str, ...]:
    """Return the packages that the ``find_packages`` of ``setup_py`` leaves out.

    Raises SourceError where its ``setup`` packs anything else than what that finds, or is not plain.
    """
    try:
        tree = ast.parse(setup_py)
    except (SyntaxError, ValueError) as error:
        raise SourceError("setup.py is not valid Python", why=[str(error)]) from error
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "setup"]
    given = {keyword.arg: keyword.value for keyword in calls[0].keywords} if len(calls) == 1 else {}
    packages, more = given.get("packages"), _PACKED_TOO & given.keys() | ({None} & given.keys())
    if not isinstance(packages, ast.Call) or _called(packages) != "find_packages" or packages.args or more:
        raise _unknown([f"setup({', '.join(sorted(map(str, more))) or 'packages'}=...)"])
    excluded: list[str] = []
    for keyword in packages.keywords:
        words = _Reader(tree, packages.lineno).words(keyword.value) if keyword.arg == "exclude" else None
        if words is None:
            raise _unknown([f"find_packages({keyword.arg}=...)"])
        excluded += words
    return tuple(excluded)


def _unknown(why: list[str]) -> SourceError:
    return SourceError(
        "what setup.py packs cannot be read from it",
        why=why,
        remedy="Its conventions changed: teach factory/kernels/sdist.py to read them.",
    )


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _extension(call: ast.Call, tree: ast.Module) -> Extension | None:
    reader = _Reader(tree, call.lineno)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    sources = reader.words(given["sources"]) if "sources" in given else None
    flags = reader.nvcc_flags(given.get("extra_compile_args"))
    includes = reader.paths(given.get("include_dirs"))
    if not sources or flags is None or includes is None:
        return None
    kernels = tuple(source for source in sources if source.endswith(".cu"))
    others = [source for source in sources if source not in kernels]
    if not kernels or len(others) != 1 or not all(map(_inside, sources)):
        return None
    name = given.get("name")
    return Extension(
        name=str(name.value) if isinstance(name, ast.Constant) else "",
        kernels=kernels,
        interface=others[0],
        sources=tuple(sources),
        nvcc_flags=_without_ours(flags),
        include_dirs=tuple(includes),
    )


def _inside(source: str) -> bool:
    try:
        inner(source)
    except ValueError:
        return False
    return True


def _without_ours(flags: list[str]) -> tuple[str, ...]:
    kept: list[str] = []
    skip = 0
    for flag in flags:
        skip = skip or _SET_BY_THE_FACTORY.get(flag, 0)
        if skip:
            skip -= 1
        else:
            kept.append(flag)
    return tuple(kept)


class _Reader:
    """Follows expressions as they stand at ``line``; every method gives None for what it cannot read."""

    def __init__(self, tree: ast.Module, line: int) -> None:
        self._assigned: dict[str, ast.expr] = {}
        assignments = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and node.lineno < line]
        for node in sorted(assignments, key=lambda node: node.lineno):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._assigned[target.id] = node.value

    def words(self, node: ast.expr | None) -> list[str] | None:
        """Read a list of strings, through names, ``+`` and wrapping calls such as ``append_nvcc_threads``."""
        return self._list(node, lambda item: item.value if isinstance(item, ast.Constant) else None)

    def paths(self, node: ast.expr | None) -> list[str] | None:
        """Read a list of paths under the root: ``Path(this_dir) / "a" / "b"`` or ``"a/b"``."""
        return self._list(node, self._path)

    def nvcc_flags(self, node: ast.expr | None) -> list[str] | None:
        """Read the flags under the key ``nvcc`` of ``extra_compile_args``."""
        if isinstance(node, ast.Name):
            node = self._assigned.get(node.id)
        if not isinstance(node, ast.Dict):
            return None
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "nvcc":
                return self.words(value)
        return None

    def _list(self, node: ast.expr | None, item: Callable[[ast.expr], object]) -> list[str] | None:
        if isinstance(node, ast.Name):
            return self._list(self._assigned.get(node.id), item)
        if isinstance(node, ast.Call):
            return self._list(node.args[0], item) if node.args else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._list(node.left, item), self._list(node.right, item)
            return None if left is None or right is None else left + right
        if not isinstance(node, ast.List | ast.Tuple):
            return None
        values = [item(element) for element in node.elts]
        return [value for value in values if isinstance(value, str)] if all(map(_text, values)) else None

    def _path(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            left, right = self._path(node.left), self._path(node.right)
            return None if left is None or right is None else f"{left}/{right}".removeprefix("./")
        if isinstance(node, ast.Call | ast.Name):
            return "."
        return None


def _text(value: object) -> bool:
    return isinstance(value, str)
