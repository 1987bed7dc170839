"""An apt of a test's own: its mirrors are directories, and it was never updated, as in a fresh container."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from factory.system import process


def apt(here: Path, *mirrors: Path) -> dict[str, str]:
    """Lay one out below ``here``; gives the environment to call it in."""
    for part in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (here / part).mkdir(parents=True)
    (here / "sources.list").write_text("".join(f"deb [trusted=yes] file:{path} sid main\n" for path in mirrors))
    (here / "apt.conf").write_text(
        f'Dir::Etc "{here}/etc";\nDir::Etc::sourcelist "{here}/sources.list";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State "{here}/state";\nDir::Cache "{here}/cache";\n'
    )
    return {"PATH": os.environ["PATH"], "APT_CONFIG": str(here / "apt.conf")}


def package(tree: Path, deb: Path) -> str:
    """Make the real package ``deb`` of what is below ``tree``; gives its sha256."""
    control = tree / "DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: tool\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: d\n")
    deb.parent.mkdir(parents=True)
    assert process.run(["dpkg-deb", "--build", tree, deb]).ok
    return hashlib.sha256(deb.read_bytes()).hexdigest()
