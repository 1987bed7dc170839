"""The pages installers read.

Source: https://packaging.python.org/en/latest/specifications/simple-repository-api/ (PEP 503, 592, 629, 714).
A static site cannot answer with the JSON form, which is asked for by content type; pip takes HTML from any. The JSON
form's sizes and times of upload (PEP 700) stand in attributes, where uv reads them and everyone else passes them over.
METADATA is offered under PEP 714's name alone: the pips that know only PEP 658's, 22.3 to 23.1, refuse what is called
flash_attn in it (https://github.com/pypa/pip/issues/12108). They read it from the wheel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from factory.index.beside import Beside
from factory.index.groups import CudaIndex, Group, all_indexes, by_cuda
from factory.index.published import Published
from factory.index.torchbuilds import TorchBuild

PROJECT = "flash-attn"


def pages(
    published: Iterable[Published], builds: Iterable[TorchBuild], others: Sequence[Beside] = ()
) -> dict[str, str]:
    """Return path and content of the pages of every index; ``builds`` are those of torch that PyTorch has.

    The indexes of a CUDA have ``others`` too: who knows the finer ones has a torch, and looks elsewhere for the rest.
    """
    wheels = list(published)
    made: dict[str, str] = {}
    for one in all_indexes(wheels):
        made |= _index(one, {})
    projects: dict[str, list[Beside]] = {}
    for other in others:
        projects.setdefault(other.project, []).append(other)
    for every in by_cuda(wheels, builds):
        made |= _index(every, projects)
    return made


def _index(one: Group | CudaIndex, others: Mapping[str, Sequence[Beside]]) -> dict[str, str]:
    root = "../" * (one.path.count("/") + 2)
    projects = {PROJECT: [_link(wheel, root) for wheel in one.wheels]}
    projects |= {project: [_other(wheel, root) for wheel in wheels] for project, wheels in others.items()}
    return {
        f"{one.path}/index.html": _page(one.path, [f'<a href="{project}/">{project}</a>' for project in projects]),
        **{f"{one.path}/{name}/index.html": _page(f"{name} in {one.path}", links) for name, links in projects.items()},
    }


def href(one: Published, root: str) -> str:
    """Return the address of a wheel with its hash; one that is relative starts at ``root``."""
    url = one.url if urlsplit(one.url).scheme else root + one.url
    return f"{url}#sha256={one.sha256}"


def _link(one: Published, root: str) -> str:
    metadata = f"sha256={one.metadata_sha256}" if one.metadata_sha256 else None
    return _anchor(
        one.filename,
        {
            "href": href(one, root),
            "data-requires-python": one.requires_python,
            "data-core-metadata": metadata,
            "data-yanked": one.yanked,
            "data-size": str(one.size),
            "data-upload-time": one.uploaded,
        },
    )


def _other(one: Beside, root: str) -> str:
    return _anchor(
        one.filename,
        {
            "href": f"{root}{one.path}#sha256={one.sha256}",
            "data-requires-python": one.requires_python,
            "data-size": str(one.size),
            "data-upload-time": one.uploaded,
        },
    )


def _anchor(filename: str, attributes: Mapping[str, str | None]) -> str:
    said = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items() if value is not None)
    return f"<a {said}>{escape(filename)}</a>"


def _page(title: str, links: Iterable[str]) -> str:
    body = "".join(f"{link}<br>\n" for link in links)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="pypi:repository-version" content="1.0">\n'
        f"<title>{escape(title)}</title>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}</body>\n</html>\n"
    )
