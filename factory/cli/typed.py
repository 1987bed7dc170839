"""How a person calls the factory, and the commands that texts name put that way; nothing else decides it.

Texts say ``nox -s VERB -- WORDS`` throughout. Where nox was not asked, what shows them has ``fitting`` put it in the
words that were typed; what takes a clone of the repository stays nox's, and is said to take one where none is here.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

COMMAND = "flash-attn-wheel-factory"
"""What the project's entry point is called."""
MATRIX = Path("matrix.yaml")
"""What a clone has in its root, where it is worked in."""
ANYWHERE = frozenset({"audit", "diagnose", "doctor", "download", "gpu_test", "plan"})
"""The verbs that take no clone: they only read, and the package holds what they read."""
_CLONED = ("build", "image", "index", "kernels", "lock", "pin", "pool", "prove", "publish", "reproduce", "update")
_NAMED = re.compile(rf"\bnox -s (?P<verb>{'|'.join((*sorted(ANYWHERE), *_CLONED))})\b(?: --(?=\s))?")


def start() -> str:
    """Return what a person typed before the verb, where nox was not asked; of uvx's words the last."""
    return COMMAND if Path(sys.argv[0]).name == COMMAND else "python -m factory"


def called(verb: str) -> str:
    """Return what a person types to have ``verb``: in a nox session that, else as this was started."""
    if os.environ.get("NOX_CURRENT_SESSION"):
        return f"nox -s {verb} --"
    return f"{_uvx()}{start()} {verb}"


def fitting(text: str) -> str:
    """Return ``text`` with the commands that it names as a person here types them."""
    if os.environ.get("NOX_CURRENT_SESSION") or not _NAMED.search(text):
        return text
    here = MATRIX.is_file()
    fitted = _NAMED.sub(lambda found: called(found["verb"]) if here or found["verb"] in ANYWHERE else found[0], text)
    return f"{fitted} (nox: in a clone of the factory's repository)" if _NAMED.search(fitted) else fitted


def installed_from() -> dict[str, object]:
    """Return what the installer noted of where this came from (PEP 610); nothing where it noted none."""
    import json  # noqa: PLC0415 - a help needs neither
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - likewise

    try:
        said = json.loads(distribution(COMMAND).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _uvx() -> str:
    """Return ``uvx --from SOURCE`` where uv made an environment for this one call: no shell finds the command in it."""
    program = Path(sys.argv[0])
    others = [place for place in os.environ.get("PATH", "").split(os.pathsep) if Path(place) != program.parent]
    alone = program.name == COMMAND and shutil.which(COMMAND, path=os.pathsep.join(others)) is None
    if not (alone and os.environ.get("UV")) or os.environ.get("VIRTUAL_ENV"):
        return ""
    said = installed_from()
    vcs = said.get("vcs_info")
    kind, at = (f"{vcs.get('vcs')}+", vcs.get("requested_revision")) if isinstance(vcs, dict) else ("", None)
    source = f"{kind}{said['url']}{f'@{at}' if at else ''}" if said.get("url") else COMMAND
    return f"uvx --from {shlex.quote(source)} "
