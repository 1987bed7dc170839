"""Lines as programs would have said them in English, by the messages of ``factory/data/catalogues.toml``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_COLON = re.compile(r"(\s*[:\N{FULLWIDTH COLON}]\s*)")
_ENDS = " .\N{IDEOGRAPHIC FULL STOP}"
_HOLE = "{}"
_QUOTES = "\"'`\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """``whole`` maps what stands between two colons to its English; ``within`` are messages with gaps: a piece of
    the text that any such line holds, the text, and the English with as many gaps; ``ascii`` are those that need no
    other letters.
    """

    whole: Mapping[str, str]
    within: Sequence[tuple[str, re.Pattern[str], str]]
    ascii: Sequence[tuple[str, re.Pattern[str], str]]

    def english(self, line: str) -> str:
        """Return ``line`` with what is known of it in English, and otherwise as it is."""
        parts = _COLON.split(line)
        said = [self.whole.get(part.strip(_ENDS)) for part in parts[::2]]
        if any(said):
            line = ": ".join(new or part for new, part in zip(said, parts[::2], strict=True))
        for piece, pattern, english in self.ascii if line.isascii() else self.within:
            if piece in line and (match := pattern.search(line)):
                filled = english.format(*(f" {part.strip(_QUOTES + ' ')} " for part in match.groups()))
                line = f"{line[: match.start()]}{' '.join(filled.split())}{line[match.end() :]}"
        return line


def read_catalogue(table: Mapping[str, Mapping[str, Sequence[str]]]) -> Catalogue:
    """Return the catalogue of the parsed file. Raises TypeError or AttributeError where it is wrong."""
    within = [_gapped(text, english) for english, texts in table["within"].items() for text in texts]
    return Catalogue(
        whole={text.rstrip(_ENDS): english for english, texts in table["whole"].items() for text in texts},
        within=within,
        ascii=[row for row in within if row[0].isascii()],
    )


def _gapped(text: str, english: str) -> tuple[str, re.Pattern[str], str]:
    pieces = text.split(_HOLE)
    between = [re.escape(piece.strip()) for piece in pieces]
    if len(pieces) == 1:
        return text, re.compile(rf"(?<!\w){between[0]}(?!\w)"), english
    first = r"([^:\N{FULLWIDTH COLON}]*?)" if not pieces[0] else rf"{between[0]}\s*(.+?)"
    rest = [rf"\s*{piece}\s*(.+?)" for piece in between[1:-1]]
    last = rf"\s*{between[-1]}" if pieces[-1] else "$"
    return max(pieces, key=len).strip(), re.compile("".join([first, *rest, last])), english
