"""The exact packages that a fetched host compiler is put together from, as ``data/hostcompiler.yaml`` lists them."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from factory.system import plainyaml
from factory.toolkit.pins import Package, Relative


class CompilerPin(BaseModel):
    """A g++: its ``release`` (``13.3.0``), a ``title`` for people, its ``program`` below where it is unpacked.

    It runs where ``glibc`` is of that release or newer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    release: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    glibc: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    title: str
    program: Relative
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]

    @property
    def major(self) -> int:
        """The first number of its release, which toolkits go by."""
        return int(self.release.partition(".")[0])

    @property
    def size(self) -> int:
        """Bytes to download."""
        return sum(package.size for package in self.packages)

    @property
    def directory(self) -> str:
        """``gcc-13.3.0-`` and the start of a sha256 over everything that decides what it will hold."""
        text = json.dumps(self.model_dump(mode="json", exclude={"title"}), sort_keys=True)
        return f"gcc-{self.release}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def parse(text: str) -> CompilerPin:
    """Return the compiler that the text of ``hostcompiler.yaml`` names.

    Raises pydantic's ValidationError with every complaint at once.
    """
    return CompilerPin.model_validate(plainyaml.load(text))
