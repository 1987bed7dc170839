"""The page for people: every wheel in a table that needs no JavaScript."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from html import escape
from string import Template
from urllib.parse import quote

from factory.index import locks, requirements
from factory.index.groups import Group, by_toolkit
from factory.index.published import Published
from factory.index.served.flash_attn_wheel import Repository, Rules
from factory.index.simple import href
from factory.matrix.model import FULL
from factory.output.progress import counted
from factory.versions import abi_word
from factory.wheel.sidecars import REPORT, VERDICT


def page(
    published: Sequence[Published], rules: Rules, template: str, *, indexes: Sequence[str], others: Sequence[str] = ()
) -> str:
    """Return ``template`` filled in: ``$sections``, ``$count``, ``$newest`` (date), ``$home`` and ``$rules`` (JSON).

    ``indexes`` are the paths of those with every torch of one CUDA, which have the projects ``others`` too, and
    ``$indexes`` is a sentence that leads to them. Raises
    KeyError or ValueError where the template asks for anything else.
    """
    repository = rules["repository"]
    sections = "\n".join(_section(group, repository) for group in by_toolkit(published))
    return Template(template).substitute(
        sections=sections or "<p>No wheel has been published yet.</p>",
        count=counted(len(published), "wheel"),
        newest=max((one.uploaded[:10] for one in published), default="never"),
        home=_home(repository) if repository else "",
        indexes=_indexes(indexes, others) if indexes else "",
        rules=json.dumps(rules, ensure_ascii=False).replace("<", "\\u003c"),
    )


def _home(repository: Repository) -> str:
    address, name = escape(repository["home"]), escape(repository["name"])
    return f'The wheels are built, checked and signed by <a href="{address}">{name}</a>.'


def _indexes(paths: Sequence[str], others: Sequence[str]) -> str:
    links = ", ".join(f'<a href="{path}/">{path}</a>' for path in paths)
    also = f", with {' and '.join(dict.fromkeys(others))}" if others else ""
    said = f"Every torch of one CUDA{also}, for <code>--extra-index-url</code> beside torch's own index: {links}."
    return (
        f"{said} Name one alone, that of your torch: no installer knows what CUDA is, and of two it may take the other."
    )


def _section(group: Group, repository: Repository | None) -> str:
    abi = abi_word(group.cxx11abi)
    profile = "" if group.profile == FULL else f", {group.profile} profile"
    title = f"torch {group.torch}, CUDA {group.cuda}, C++11 ABI {abi}{profile}"
    data = {"torch": group.torch, "cuda": group.cuda, "abi": abi, "profile": group.profile}
    said = " ".join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    link = f'<a href="{group.path}/">pip index<span class="unseen"> for {escape(title)}</span></a>'
    head = "".join(f'<th scope="col">{title}' for title, _, _ in _COLUMNS)
    rows = "".join(_row(one, repository) for one in group.wheels)
    table = f"<table><thead><tr>{head}<tbody>\n{rows}</table>"
    return f'<section {said}>\n<h3>{escape(title)}</h3>\n<p>{link}</p>\n<div class="rows">{table}</div>\n</section>'


def _row(one: Published, repository: Repository | None) -> str:
    """Write one row; end tags and quotes that HTML lets out are left out, for there may be thousands."""
    yanked = ' class="yanked"' if one.yanked is not None else ""
    tags = ('th scope="row"', *("td" for _ in _COLUMNS[1:]))
    cells = (
        f"<{tag} class={name}>{cell(one, repository)}" for tag, (_, name, cell) in zip(tags, _COLUMNS, strict=True)
    )
    return f"<tr{yanked}>{''.join(cells)}\n"


def _size(one: Published, _: Repository | None) -> str:
    return f"{one.size / 1e6:.1f} MB"


def _archs(one: Published, _: Repository | None) -> str:
    return " ".join(_dotted(code) for code in one.archs)


def _glibc(one: Published, _: Repository | None) -> str:
    return (one.floor or "").removeprefix("manylinux_").replace("_", ".")


def _gpu_test(one: Published, _: Repository | None) -> str:
    if one.yanked is not None:
        return f"withdrawn: {escape(one.yanked)}"
    return " on ".join(escape(word) for word in (one.gpu.verdict, one.gpu.name) if word)


def _uploaded(one: Published, _: Repository | None) -> str:
    return f'<time datetime="{one.uploaded}">{one.uploaded[:10]}</time>'


def _link(one: Published, _: Repository | None) -> str:
    said = f" {one.name.python} {escape(one.name.version)}"
    return f'<a href="{escape(href(one, ""))}">whl<span class="unseen">{said}</span></a>'


def _papers(one: Published, repository: Repository | None) -> str:
    """Link what locks a wheel, and what its release has of it; a mirror leaves that where it is."""
    own = [("lock", locks.path(one)), ("requirements", requirements.path(one))]
    if repository is None:
        return _links(own)
    release = f"{repository['home']}/releases"
    beside = f"{release}/download/{one.tag}/{quote(one.filename)}"
    attestations = f"{repository['api']}/repos/{repository['name']}/attestations"
    links = [
        ("report", beside + REPORT),
        *([("verdict", beside + VERDICT)] if one.gpu.verdict == "passed" else []),
        *([("SBOM", f"{release}/download/{one.tag}/{quote(one.bill)}")] if one.bill else []),
        *([("attestation", f"{attestations}/sha256:{one.sha256}")] if one.attested else []),
    ]
    return _links([*own, *links])


def _links(addresses: Iterable[tuple[str, str]]) -> str:
    return " ".join(f'<a href="{escape(address)}">{word}</a>' for word, address in addresses)


def _dotted(code: str) -> str:
    """Spell ``sm_90a`` as ``9.0a`` and ``compute_90`` as ``9.0+PTX``, as torch's architecture lists do."""
    kind, _, number = code.partition("_")
    digits = number.rstrip("af")
    return f"{digits[:-1]}.{digits[-1]}{number[len(digits) :]}{'+PTX' if kind == 'compute' else ''}"


_COLUMNS: tuple[tuple[str, str, Callable[[Published, Repository | None], str]], ...] = (
    ("Python", "python", lambda one, _: one.name.python),
    ("flash-attn", "version", lambda one, _: escape(one.name.version)),
    ("Size", "size", _size),
    ("Architectures", "archs", _archs),
    ("glibc", "glibc", _glibc),
    ("GPU test", "test", _gpu_test),
    ("Uploaded", "date", _uploaded),
    ("Wheel", "link", _link),
    ("Beside it", "papers", _papers),
)
"""Title, class for the page's script and style, and cell of each column."""
