"""The page for people: every wheel in a table that needs no JavaScript."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from html import escape
from string import Template

from factory.index.groups import Group, by_toolkit
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import MINIMUM_DRIVER
from factory.index.simple import href
from factory.matrix.model import FULL
from factory.output.progress import counted
from factory.versions import abi_word


def page(published: Sequence[Published], template: str) -> str:
    """Return ``template`` filled in: ``$sections``, ``$count``, ``$newest`` (date) and ``$minimum_driver`` (JSON).

    Raises KeyError or ValueError where the template asks for anything else.
    """
    sections = "\n".join(_section(group) for group in by_toolkit(published))
    return Template(template).substitute(
        sections=sections or "<p>No wheel has been published yet.</p>",
        count=counted(len(published), "wheel"),
        newest=max((one.uploaded[:10] for one in published), default="never"),
        minimum_driver=escape(json.dumps(MINIMUM_DRIVER)),
    )


def _section(group: Group) -> str:
    abi = abi_word(group.cxx11abi)
    profile = "" if group.profile == FULL else f", {group.profile} profile"
    title = f"torch {group.torch}, CUDA {group.cuda}, C++11 ABI {abi}{profile}"
    data = {"torch": group.torch, "cuda": group.cuda, "abi": abi, "profile": group.profile}
    said = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    link = f'<a href="{group.path}/">pip index<span class="unseen"> for {escape(title)}</span></a>'
    head = "".join(f'<th scope="col">{title}' for title, _, _ in _COLUMNS)
    table = f"<table><thead><tr>{head}<tbody>\n{_rows(group.wheels)}</table>"
    return f'<section {said}>\n<h3>{escape(title)}</h3>\n<p>{link}</p>\n<div class="rows">{table}</div>\n</section>'


def _rows(wheels: Iterable[Published]) -> str:
    return "".join(_row(one) for one in wheels)


def _row(one: Published) -> str:
    """Write one row; end tags and quotes that HTML lets out are left out, for there may be thousands."""
    yanked = ' class="yanked"' if one.yanked is not None else ""
    tags = ('th scope="row"', *("td" for _ in _COLUMNS[1:]))
    cells = (f"<{tag} class={name}>{cell(one)}" for tag, (_, name, cell) in zip(tags, _COLUMNS, strict=True))
    return f"<tr{yanked}>{''.join(cells)}\n"


def _size(one: Published) -> str:
    return f"{one.size / 1e6:.1f} MB"


def _archs(one: Published) -> str:
    return " ".join(_dotted(code) for code in one.archs)


def _glibc(one: Published) -> str:
    return (one.floor or "").removeprefix("manylinux_").replace("_", ".")


def _gpu_test(one: Published) -> str:
    if one.yanked is not None:
        return f"withdrawn: {escape(one.yanked)}"
    return " on ".join(escape(word) for word in (one.gpu.verdict, one.gpu.name) if word)


def _uploaded(one: Published) -> str:
    return f'<time datetime="{one.uploaded}">{one.uploaded[:10]}</time>'


def _link(one: Published) -> str:
    said = f" {one.name.python} {escape(one.name.version)}"
    return f'<a href="{escape(href(one, ""))}">whl<span class="unseen">{said}</span></a>'


def _dotted(code: str) -> str:
    """Spell ``sm_90a`` as ``9.0a`` and ``compute_90`` as ``9.0+PTX``, as torch's architecture lists do."""
    kind, _, number = code.partition("_")
    digits = number.rstrip("af")
    return f"{digits[:-1]}.{digits[-1]}{number[len(digits) :]}{'+PTX' if kind == 'compute' else ''}"


_COLUMNS: tuple[tuple[str, str, Callable[[Published], str]], ...] = (
    ("Python", "python", lambda one: one.name.python),
    ("flash-attn", "version", lambda one: escape(one.name.version)),
    ("Size", "size", _size),
    ("Architectures", "archs", _archs),
    ("glibc", "glibc", _glibc),
    ("GPU test", "test", _gpu_test),
    ("Uploaded", "date", _uploaded),
    ("Wheel", "link", _link),
)
"""Title, class for the page's script and style, and cell of each column."""
