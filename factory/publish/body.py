"""The text of a release: which wheel is for which environment, and how to install it.

It is made from the release's own list of files, so whoever renews it writes the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from factory.matrix import wheelname
from factory.matrix.model import FULL
from factory.matrix.wheelname import WheelName
from factory.publish.parts import Asset, Release
from factory.versions import abi_word, python_key, version_key
from factory.wheel.sidecars import VERDICT

_BEGIN = "<!-- wheels: made by the factory, changes between these lines are lost -->"
_END = "<!-- end of wheels -->"
_HOW = """\
## Wheels of flash-attn {version}

Find the row of your torch (`python -c "import torch; print(torch.__version__, torch._C._GLIBCXX_USE_CXX11_ABI)"`),
copy the link of your Python, and install it into an environment that has that torch:

```
pip install --no-deps LINK
```

Check a file that you downloaded: `sha256sum --check --ignore-missing SHA256SUMS*`
{note}
| CUDA | torch | C++11 ABI | Profile | Python |
|---|---|---|---|---|
"""
_UNTESTED = "\nA wheel marked *untested* passed the audit and was never run on a GPU.\n"
_KERNELS = """\
Compiled kernels, not wheels: `nox -s build` fetches what it needs of them by itself, and `nox -s pool -- import FILE`
takes one in by hand.

`FILE.reproduced.json` lists what another machine compiled again of it, with the sha256 of each part there and here.

Check a file that you downloaded: `sha256sum --check --ignore-missing SHA256SUMS*`
"""


def renewed(release: Release, repository: str, limit: int, *, kernels: bool = False) -> str:
    """Return the release's text with the factory's part up to date; what a person wrote around it stays.

    ``limit`` is in characters. A table too long for it is left out; a release of ``kernels`` has none.
    """
    head, _, rest = release.body.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    before = head if _BEGIN in release.body or not head.strip() else f"{head.rstrip()}\n\n"
    for rows in (_rows(release, repository), ""):
        text = f"{before}{_BEGIN}\n{_KERNELS if kernels else _how(release, rows)}{_END}{tail}"
        if len(text) <= limit:
            return text
    return release.body


def download(repository: str, tag: str, filename: str) -> str:
    """Return where an asset of ``OWNER/NAME`` can be fetched by anybody."""
    return f"https://github.com/{repository}/releases/download/{quote(tag)}/{quote(filename)}"


def _how(release: Release, rows: str) -> str:
    note = _UNTESTED if "*untested*" in rows else ""
    table = rows or "| | | | | the list is too long; it is the list of files below |\n"
    return _HOW.format(version=release.tag.removeprefix("v"), note=note) + table


def _rows(release: Release, repository: str) -> str:
    names = {asset.name for asset in release.assets if asset.finished}
    rows: dict[tuple[object, ...], list[str]] = {}
    for name in sorted(_wheels(release.assets), key=_order):
        mark = "" if name.filename + VERDICT in names else " *untested*"
        link = f"[{name.python}]({download(repository, release.tag, name.filename)}){mark}"
        row = (name.cuda_major, name.torch, abi_word(name.cxx11abi), name.profile)
        rows.setdefault(row, []).append(link)
    return "".join(f"| {' | '.join(map(str, row))} | {' '.join(links)} |\n" for row, links in rows.items())


def _wheels(assets: Iterable[Asset]) -> list[WheelName]:
    """Return the names of the finished wheels, whatever else a person may have put there."""
    names = []
    for asset in assets:
        try:
            names += [wheelname.parse(asset.name)] if asset.finished and asset.name.endswith(".whl") else []
        except ValueError:
            continue
    return names


def _order(name: WheelName) -> tuple[object, ...]:
    profile = (name.profile != FULL, name.profile)
    return version_key(name.torch), name.cuda_major, name.cxx11abi, profile, python_key(name.python)
