"""YAML text to plain values: every scalar as it is written, each value with the line it stands on.

A usual loader reads 2.10 as 2.1 and keeps the last of two equal keys without a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from factory.system import plainyaml

Path = tuple[str | int, ...]
Value = str | list["Value"] | dict[str, "Value"] | None

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TOO_DEEP, _LIBYAMLS_DEEP = "nested too deeply", "exceeded maximum nesting depth"
_MOST_VALUES = 50_000  # a few lines of aliases of aliases can stand for more values than memory holds


@dataclass(frozen=True)
class Complaint:
    """What is wrong with the value at ``path``; ``line`` is given where no path leads there."""

    path: Path
    message: str
    line: int = 0


@dataclass(frozen=True)
class Document:
    """The values of a YAML text, the line (from 1) of each by its path, and what was wrong with the text."""

    value: Value
    lines: dict[Path, int]
    complaints: tuple[Complaint, ...]

    def line(self, complaint: Complaint) -> int:
        """Return the line of the value complained of, or of the nearest one around it."""
        path = complaint.path
        while path and path not in self.lines:
            path = path[:-1]
        return complaint.line or self.lines.get(path, 1)


def read(text: str | bytes) -> Document:
    """Return one YAML document as it was read; whatever ``text`` is, mistakes come back as complaints."""
    builder = _Builder()
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    try:
        node = yaml.compose(raw, Loader=_Loader)
        value = None if node is None else builder.value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        said = _TOO_DEEP if error.problem == _LIBYAMLS_DEEP else f"not valid YAML: {said}"
        return _refused(said, mark.line + 1 if mark else 1)
    except yaml.reader.ReaderError as error:
        return _refused(f"not a text file: {error.reason}", raw.count(b"\n", 0, error.position) + 1)
    except _TooManyValuesError:
        return _refused(f"holds more than {_MOST_VALUES} values, counting what its aliases stand for", 1)
    except RecursionError:
        return _refused(_TOO_DEEP, 1)
    except (ValueError, OverflowError) as error:  # PyYAML's own, for an escape such as \UFFFFFFFF
        return _refused(f"not valid YAML: a character escape is out of range ({error})", 1)
    return Document(value, builder.lines, tuple(builder.complaints))


def _refused(message: str, line: int) -> Document:
    return Document(None, {}, (Complaint((), " ".join(message.split()), line),))


class _TooManyValuesError(Exception):
    pass


class _Loader(plainyaml.BASE):  # type: ignore[misc]  # which of the two it is shows when it runs
    """Leaves out what takes a third of the time: to guess a type for each value."""

    def resolve(self, _kind: type[yaml.Node], _value: str | None, _implicit: object) -> str:
        """Return the same tag for all; nothing here reads it."""
        return ""


class _Builder:
    """Makes plain values of YAML nodes and keeps where they stood."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.complaints: list[Complaint] = []
        self._open: set[int] = set()
        self._left = _MOST_VALUES

    def value(self, node: yaml.Node, path: Path) -> Value:
        """Return the plain value of ``node``, which stands at ``path``."""
        self._left -= 1
        if self._left < 0:
            raise _TooManyValuesError
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.ScalarNode):
            return None if not node.style and node.value in _NULLS else str(node.value)
        if id(node) in self._open:
            self._complain(path, "refers to itself through an alias", node)
            return None
        self._open.add(id(node))
        made: Value = self._list(node, path) if isinstance(node, yaml.SequenceNode) else self._mapping(node, path)
        self._open.discard(id(node))
        return made

    def _list(self, node: yaml.SequenceNode, path: Path) -> list[Value]:
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Value]:
        made: dict[str, Value] = {}
        first: dict[str, int] = {}
        for key, item in self._own(node, path):
            name = str(key.value)
            if name in first:
                self._complain((*path, name), f"duplicated key; it is already on line {first[name]}", key)
                continue
            first[name] = _line(key)
            self.lines.setdefault((*path, name), _line(key))
            made[name] = self.value(item, (*path, name))
        for merged in self._merged(node, path):
            made = {**merged, **made}
        return made

    def _own(self, node: yaml.Node, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(path, "a key must be a single word or version", key)
            elif not _is_merge(key):
                yield key, item

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[dict[str, Value]]:
        """Return what ``<<`` keys bring in, the strongest first."""
        for key, item in node.value:
            if not _is_merge(key):
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                brought = self.value(source, path)
                if isinstance(brought, dict):
                    yield brought
                else:
                    self._complain(path, "<< must name a mapping or a list of mappings", key)

    def _complain(self, path: Path, message: str, node: yaml.Node) -> None:
        self.complaints.append(Complaint(path, message, _line(node)))


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and not key.style


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
