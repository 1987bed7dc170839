"""The texts in a wheel's ``.dist-info``: METADATA, WHEEL and RECORD.

Source: https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from email.parser import BytesParser

from packaging.metadata import parse_email
from packaging.tags import parse_tag

from factory.wheel.facts import DistInfo, RecordRow

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
    spelt = [[str(tag) for tag in parse_tag(text)] if text.count("-") == 2 else [text] for text in tags]
    return tuple(sorted({tag for group in spelt for tag in group}))


def _record(text: bytes | None) -> tuple[tuple[RecordRow, ...] | None, tuple[str, ...]]:
    if text is None:
        return None, ()
    try:
        rows = list(csv.reader(text.decode("utf-8").splitlines()))
        return tuple(RecordRow(path=path, digest=digest, size=size) for path, digest, size in rows), ()
    except (csv.Error, UnicodeDecodeError, ValueError) as error:
        return None, (f"RECORD is not UTF-8 text with three fields a line: {error}",)
