"""What apt knows of an archive of packages, and how far its files say that it is trusted."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser

FIELDS = ("LABEL", "CODENAME", "COMPONENT", "REPO_URI", "SOURCESENTRY")
"""What ``read`` wants to know of each index, as ``apt-get indextargets --format`` spells it."""

FORMAT = "\t".join(f"$({field})" for field in FIELDS)
"""The format itself."""

# apt's StringToBool
_YES = ("1", "yes", "true", "with", "on", "enable")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Debian's archive of ``suite`` (its codename) at ``url``, from the ``number``-th entry of the file ``listed``."""

    suite: str
    url: str
    listed: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What an entry says: ``blind`` that no signature is wanted, ``signed_by`` whose (one file), if it says."""

    blind: bool = False
    signed_by: str | None = None


def read(lines: Iterable[str], suite: str) -> Archive | None:
    """Return the first archive of ``suite`` in what apt printed under ``FORMAT``; None where there is none.

    Raises ValueError for a line of another form.
    """
    for line in lines:
        label, codename, component, url, entry = line.split("\t")
        if (label, codename, component) == ("Debian", suite, "main"):
            listed, _, number = entry.rpartition(":")
            return Archive(suite=suite, url=url, listed=listed, number=int(number))
    return None


def trust(archive: Archive, text: str) -> Trust:
    """Return what the entry of ``archive`` says in ``text``, the content of its file.

    Source: sources.list(5). apt counts lines in a ``.list`` file, stanzas in a ``.sources`` file.
    """
    options = _stanza(text, archive.number) if archive.listed.endswith(".sources") else _line(text, archive.number)
    keys = options.get("signed-by", "").replace(",", " ").split()
    return Trust(
        blind=options.get("trusted", "").strip().lower() in _YES,
        signed_by=keys[0] if len(keys) == 1 and keys[0].startswith("/") else None,
    )


def _line(text: str, number: int) -> Mapping[str, str]:
    """Read ``deb [trusted=yes signed-by=/a.gpg] URL ...``."""
    line = text.splitlines()[number - 1].partition("#")[0]
    inside = line.partition("[")[2].partition("]")[0]
    return {key.lower(): value for key, _, value in (word.partition("=") for word in inside.split())}


def _stanza(text: str, number: int) -> Mapping[str, str]:
    said = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    stanzas = [part for part in said.split("\n\n") if part.strip()]
    return {key.lower(): value for key, value in HeaderParser().parsestr(stanzas[number - 1].lstrip("\n")).items()}


def proxies(printed: str) -> dict[str, str]:
    """Return the variables of what ``apt-config shell http_proxy Acquire::http::Proxy ...`` printed.

    ``DIRECT`` is apt's word for none.
    """
    words = (word.partition("=") for word in shlex.split(printed))
    return {key: "" if value == "DIRECT" else value for key, _, value in words}
