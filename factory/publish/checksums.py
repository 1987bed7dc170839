"""The lists that a release holds of its own files: ``SHA256SUMS``, and what went into its wheels.

Nothing published is ever replaced, so a release that takes more files later gets another list of those:
``SHA256SUMS.2``. ``cat SHA256SUMS*`` has them all, each once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from factory.publish.parts import Asset, File, Release, Seen
from factory.wheel import releasebill

SUMS = "SHA256SUMS"
_SUMS = re.compile(r"SHA256SUMS(?:\.\d+)?")
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>.+)")

Describe = Callable[[Iterable[Asset]], str]
"""Makes the text that says what went into some wheels."""


def is_list(name: str) -> bool:
    """Return whether an asset of this name is a list that publishing makes by itself."""
    return _SUMS.fullmatch(name) is not None or releasebill.NAME.fullmatch(name) is not None


def sums_name(number: int) -> str:
    """Return the name of a release's ``number``th list of sums, from 1: ``SHA256SUMS``, ``SHA256SUMS.2``."""
    return _numbered(SUMS, "", number)


def missing(seen: Seen, describe: Describe, ours: Collection[str]) -> File | None:
    """Return the next list that the release still needs, None where all of its files are listed.

    What went into wheels is listed of those named in ``ours``, which are here; whoever has others lists them.
    """
    release = seen.release
    if release is None:
        return None
    finished = [asset for asset in release.assets if asset.finished]
    told = set(_told(seen.texts))
    wheels = [
        asset for asset in finished if asset.name.endswith(".whl") and asset.name in ours and asset.name not in told
    ]
    if wheels:
        return _file(_free(release, f"flash_attn-{release.tag.removeprefix('v')}", ".cdx.json"), describe(wheels))
    summed = set(_summed(seen.texts))
    rest = [asset for asset in finished if asset.name not in summed and not _SUMS.fullmatch(asset.name)]
    return _file(_free(release, SUMS, ""), sums(rest)) if rest else None


def sums(assets: Iterable[Asset]) -> str:
    """Return the lines that ``sha256sum --check`` reads, sorted by name."""
    return "".join(f"{asset.sha256}  {asset.name}\n" for asset in sorted(assets, key=lambda asset: asset.name))


def parse(content: bytes) -> dict[str, str]:
    """Return the sha256 of each name in a list of sums. Raises ValueError where it is none, or was cut off."""
    lines = content.decode().split("\n")
    if lines.pop() or not lines:
        msg = "it does not end as a list of sums does"
        raise ValueError(msg)
    found = {}
    for number, match in enumerate(map(_LINE.fullmatch, lines), 1):
        if match is None:
            msg = f"line {number} is no sha256 and a name"
            raise ValueError(msg)
        found[match["name"]] = match["sha256"]
    return found


def _summed(texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        if _SUMS.fullmatch(name):
            yield from (match["name"] for match in map(_LINE.fullmatch, text.splitlines()) if match)


def _told(texts: Mapping[str, str]) -> Iterator[str]:
    for name, text in texts.items():
        if releasebill.NAME.fullmatch(name):
            yield from releasebill.wheels(text)


def _free(release: Release, stem: str, suffix: str) -> str:
    """Return the first name that no asset has: ``STEM``, ``STEM.2``, ``STEM.3``, each with ``suffix``."""
    taken = {asset.name for asset in release.assets}
    numbered = (_numbered(stem, suffix, number) for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def _numbered(stem: str, suffix: str, number: int) -> str:
    return f"{stem}{'' if number == 1 else f'.{number}'}{suffix}"


def _file(name: str, text: str) -> File:
    content = text.encode()
    return File(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content)
