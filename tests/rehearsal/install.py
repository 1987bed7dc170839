"""Installs what was published as anybody would: pip, a new environment, the index on Pages."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote
from urllib.request import urlopen

from factory.environment import interpreter
from factory.index import wheelsjson
from factory.index.groups import all_indexes
from factory.system import process
from tests.rehearsal.fork import TORCHES, python

_MODULE = "flash_attn_2_cuda"


def install(pages: str, work: Path, say: Callable[[str], None]) -> list[str]:
    """Install from every index there is; give what is wrong. torch is left out: the build has tried them together."""
    published = wheelsjson.read(pages)
    wrong = [] if len(published) == len(TORCHES) else [f"the index has {len(published)} wheels, not {len(TORCHES)}"]
    for number, group in enumerate(all_indexes(published)):
        (wheel, *_) = group.wheels
        index = f"{pages}/{group.path}/"
        found = _installed(index, work / str(number))
        say(f"pip install --index-url {index} flash-attn: {found or 'nothing'}")
        if found != _module_of(wheel.url):
            wrong.append(f"{index}: what pip installs is not {unquote(wheel.filename)}")
    return wrong


def _installed(index: str, home: Path) -> str:
    """Give the sha256 of the extension that pip installs; empty where it installs none."""
    base = interpreter.find(python(), os.environ)
    made = process.run([sys.executable, "-m", "virtualenv", "--quiet", "--python", base, home], timeout=300)
    assert made.ok, made.stderr
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PIP_CONFIG_FILE": os.devnull}
    words = ["install", "--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "--index-url", index]
    done = process.run([home / "bin" / "python", "-m", "pip", *words, "flash-attn"], env=env, timeout=300)
    modules = list(home.glob(f"lib/python*/site-packages/{_MODULE}*.so"))
    return hashlib.sha256(modules[0].read_bytes()).hexdigest() if done.ok and modules else done.stderr.strip()


def _module_of(url: str) -> str:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - of the local server
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    (name,) = (name for name in archive.namelist() if name.startswith(_MODULE) and name.endswith(".so"))
    return hashlib.sha256(archive.read(name)).hexdigest()
