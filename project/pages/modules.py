"""The pages of the packages: what their docstrings say, module by module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

_HEAD = """\
# The code

A package is a subject; it imports packages of lower floors only ([CONTRIBUTING](../CONTRIBUTING.md) has the floors).
What is below is read off the code."""


def names(root: Path) -> tuple[str, ...]:
    """Return every module of the package ``factory`` in ``root``, in order: ``factory.matrix.cells``; reads names."""
    files = sorted((root / "factory").rglob("*.py"))
    return tuple(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for path in files)


def packages(modules: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return ``modules`` by their package: ``factory`` for those at its top, ``factory.matrix`` with all below it."""
    found: dict[str, list[str]] = {}
    listed = list(modules)
    for module in listed:
        parts = module.split(".")
        deeper = any(other.startswith(f"{'.'.join(parts[:2])}.") for other in listed)
        home = ".".join(parts[:2]) if len(parts) > 1 and deeper else parts[0]
        found.setdefault(home, []).append(module)
    return {home: tuple(inner) for home, inner in found.items()}


def pages(modules: Iterable[str]) -> Mapping[str, str]:
    """Return the pages by their names: ``modules/index.md``, and one for each package, in reStructuredText."""
    homes = packages(modules)
    made = {f"modules/{home}.rst": _page(home, inner) for home, inner in homes.items()}
    listed = "\n".join(homes)
    return {"modules/index.md": f"{_HEAD}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n", **made}


def _page(home: str, modules: Iterable[str]) -> str:
    parts = [f"{home}\n{'=' * len(home)}"]
    for module in modules:
        # The title of a page is that of its package, whose own docstring comes first.
        title = "" if module == home else f"{module}\n{'-' * len(module)}\n\n"
        parts.append(f"{title}.. automodule:: {module}")
    return "\n\n".join(parts) + "\n"
