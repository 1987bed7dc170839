"""The files that the site is made of, as Sphinx reads them: what people wrote stands where it stands in the clone."""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

WRITTEN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_LINK = re.compile(r"\[(?P<text>[^][]*)\]\((?P<target>[^)\s#]+)(?:#[^)\s]*)?\)")
_OUTSIDE = re.compile(r"[a-z][a-z+.-]*:")


def fill(tree: Path, root: Path, made: Mapping[str, str]) -> None:
    """Write the pages of the clone at ``root`` and those ``made``, by their paths, into the directory ``tree``.

    README is the first page, with the list of all others. Files that pages link to come along; of a link to a
    directory, which a site cannot show, the text is left. Raises ValueError where a page links to what is not there.
    """
    names = (*WRITTEN, *(f"docs/{path.name}" for path in sorted((root / "docs").glob("*.md"))))
    pages = {}
    for name in names:
        text, files = _read(name, root)
        pages[name] = text
        for file in set(files) - set(names):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / file, tree / file)
    use = [name for name in names if name.startswith("docs/")]
    reference = [name for name in made if "/" not in name]
    develop = [*WRITTEN[1:], *(name for name in made if name.endswith("/index.md"))]
    first = pages.pop(WRITTEN[0]) + _contents({"Use": use, "Reference": reference, "Develop": develop})
    for name, text in {**pages, **made, "index.md": first}.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _read(name: str, root: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of the page ``name`` and the files of the clone that it links to."""
    files = []

    def followed(link: re.Match[str]) -> str:
        if _OUTSIDE.match(link["target"]):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), link["target"]))
        if (root / path).is_dir():
            return link["text"]
        if not (root / path).is_file():
            raise ValueError(f"{name} links to {path}, which is not there")
        files.append(path)
        return link[0]

    return _LINK.sub(followed, (root / name).read_text(encoding="utf-8")), tuple(files)


def _contents(groups: Mapping[str, Iterable[str]]) -> str:
    """Return the list of the other pages, which the site shows beside each."""
    listed = {title: "\n".join(names) for title, names in groups.items()}
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{names}\n```\n" for title, names in listed.items()
    )
