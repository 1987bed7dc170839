"""Where uv is on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path


def find_uv(env: Mapping[str, str]) -> Path | None:
    """Return the uv that the variable UV names, else one on PATH, else one beside the Python that runs this.

    uv sets UV to itself for what it starts, and noxfile.py to the uv that came with nox, which no session has on
    PATH. Where UV is set it decides alone: None where it leads nowhere.
    """
    places = filter(None, (env.get("PATH"), str(Path(sys.executable).parent)))
    found = shutil.which(env.get("UV") or "uv", path=os.pathsep.join(places))
    return None if found is None else Path(found)
