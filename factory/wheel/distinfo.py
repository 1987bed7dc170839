"""The texts in a wheel's ``.dist-info``: METADATA, WHEEL and RECORD.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from email.parser import BytesParser

from packaging.metadata import parse_email
from packaging.tags import parse_tag

from factory.wheel.facts import DistInfo, RecordRow

# Ours: a set of a few bytes can stand for billions of tags, and a wheel has some hundred files.
_MOST_TAGS = 1000
_MOST_ROWS = 20_000

TEXTS = ("METADATA", "WHEEL", "RECORD")


def parse(directory: str, texts: Mapping[str, bytes]) -> tuple[DistInfo, tuple[str, ...]]:
    """Return what there is in ``texts``, by file name, and the complaints about what is not there or unreadable."""
    problems = [f"{directory}/{name} is missing" for name in TEXTS if name not in texts]
    metadata, _ = parse_email(texts.get("METADATA", b""))
    wheel = BytesParser().parsebytes(texts.get("WHEEL", b""), headersonly=True)
    tags = [str(tag) for tag in wheel.get_all("Tag", [])]
    record, complaint = _record(texts.get("RECORD"))
    info = DistInfo(
        directory=directory,
        name=metadata.get("name"),
        version=metadata.get("version"),
        requires_python=metadata.get("requires_python"),
        requires=tuple(metadata.get("requires_dist", ())),
        root_is_purelib=str(wheel["Root-Is-Purelib"]) if "Root-Is-Purelib" in wheel else None,
        tags=_expand(tags) if tags else None,
        record=record,
    )
    return info, (*problems, *complaint)


def _expand(tags: list[str]) -> tuple[str, ...]:
    """Spell compressed tag sets out; what is no tag stays as it is, so that it is found to be wrong."""
    return tuple(sorted({tag for text in tags for tag in _spelt(text)}))


def _spelt(text: str) -> Iterator[str]:
    if math.prod(part.count(".") + 1 for part in text.split("-")) > _MOST_TAGS:
        yield text
        return
    try:
        yield from map(str, parse_tag(text))
    except ValueError:
        yield text


def _record(text: bytes | None) -> tuple[tuple[RecordRow, ...] | None, tuple[str, ...]]:
    if text is None:
        return None, ()
    if text.count(b"\n") > _MOST_ROWS:
        return None, (f"RECORD has more than {_MOST_ROWS} lines",)
    try:
        rows = list(csv.reader(text.decode("utf-8").splitlines()))
        return tuple(RecordRow(path=path, digest=digest, size=size) for path, digest, size in rows), ()
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        return None, (f"RECORD is not UTF-8 text with three fields a line: {error}",)
