"""The artifacts of one run, as version 4 and later of GitHub's actions keep them."""

from __future__ import annotations

import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

from tests.rehearsal.found import Found

_FORBIDDEN = re.compile(r'["\\/:<>|*?\r\n]')


class Refused(Exception):  # noqa: N818 - an answer
    """GitHub would not do that; the step that asked fails."""


class Artifacts:
    """Folders below ``root``. ``used`` are the names that were downloaded."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.used: set[str] = set()
        self._made = 0
        self._numbers: dict[int, str] = {}
        root.mkdir(parents=True)

    def names(self, pattern: str = "*") -> tuple[str, ...]:
        return tuple(sorted(one.name for one in self._root.iterdir() if fnmatchcase(one.name, pattern)))

    def upload(self, name: str, found: Found, *, overwrite: bool) -> int:
        """Keep files under a name; give the artifact's number. Raises Refused for a name that GitHub does not take."""
        if not name or _FORBIDDEN.search(name):
            raise Refused(f"an artifact cannot be named {name!r}")
        if name in self.names():
            if not overwrite:
                raise Refused(f"there is an artifact {name} in this run already")
            shutil.rmtree(self._root / name)
        for file in found.files:
            kept = self._root / name / file.relative_to(found.root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept)  # and not its mode: an artifact is a zip made without one
        self._numbers = {number: one for number, one in self._numbers.items() if one != name}
        number = self._made = self._made + 1
        self._numbers[number] = name
        return number

    def named(self, number: int) -> str:
        """Give the name of an artifact by its number. Raises Refused for one that is not there any more."""
        if number not in self._numbers:
            raise Refused(f"there is no artifact of the number {number} in this run")
        return self._numbers[number]

    def download(self, name: str, into: Path) -> None:
        """Put an artifact's files into a folder. Raises Refused for one that is not there."""
        if name not in self.names():
            raise Refused(f"there is no artifact {name} in this run (there are: {', '.join(self.names()) or 'none'})")
        self.used.add(name)
        shutil.copytree(self._root / name, into, dirs_exist_ok=True, copy_function=shutil.copyfile)
