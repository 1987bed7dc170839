"""The page of the verbs, from the parser of the command line."""

from __future__ import annotations

from collections.abc import Iterator

from factory.cli.commandline import CommandParser
from factory.output.markdown import code, plain, table

_HEAD = """\
# Verbs and their options

`nox -s VERB -- WORDS` in a clone, `flash-attn-wheel-factory VERB WORDS` where it is installed. `--help` of a verb says
the same as this page. What a verb ends with: [exit statuses](docs/exit-statuses.md)."""
_COLUMNS = ("word", "what it does")


def page(parser: CommandParser) -> str:
    """Return it, in Markdown: the verbs in their groups, with all they take."""
    parts = [_HEAD, table(_COLUMNS, _rows(parser))]
    for title, verbs in parser.verbs.items():
        parts.append(f"## {title[0].upper()}{title[1:]}")
        for name, verb in verbs.items():
            parts += _verb(name, verb, "###")
    return "\n\n".join(parts) + "\n"


def _verb(name: str, verb: CommandParser, heading: str) -> Iterator[str]:
    yield f"{heading} {name}"
    yield plain(verb.description or "")
    yield f"```text\n{verb.format_usage().removeprefix('usage: ').strip()}\n```"
    if rows := _rows(verb):
        yield table(_COLUMNS, rows)
    said = (verb.epilog or "").splitlines()
    words = [line for line in said if line and not line.startswith(" ") and line != "examples:"]
    if words:
        yield plain(" ".join(words))
    if examples := [line.strip() for line in said if line.startswith(" ")]:
        yield "\n".join(["```sh", *examples, "```"])
    for inner in verb.verbs.values():
        for action, one in inner.items():
            yield from _verb(f"{name} {action}", one, f"{heading}#")


def _rows(parser: CommandParser) -> list[tuple[str, str]]:
    return [(code(typed), about) for typed, about in parser.arguments()]
