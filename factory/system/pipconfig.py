"""The package index this machine is configured for, read where pip and uv read it.

pip's own ``pip config`` cannot be asked: environments that uv makes have no pip.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from factory.errors import UsageError

_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_USER_INFO = re.compile(r"//[^/@\s]+@")


class _Parser(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr.lower().replace("_", "-")


def index_url(env: Mapping[str, str]) -> str | None:
    """Return the configured index: from pip's variable, uv's, or pip's files; None where nobody configured one.

    Raises UsageError when one of pip's files cannot be read.
    """
    for name in _VARIABLES:
        if env.get(name):
            return re.sub(r"^[\w.-]+=", "", env[name])  # uv takes NAME=URL too
    return _read(env).get("global", "index-url", fallback=None)


def settings(env: Mapping[str, str]) -> dict[str, str]:
    """Return what pip on another machine needs to use the same index, in the terms of pip's configuration file.

    Raises UsageError when one of pip's files cannot be read.
    """
    trusted = env.get("PIP_TRUSTED_HOST") or _read(env).get("global", "trusted-host", fallback=None)
    found = {"index-url": index_url(env), "trusted-host": trusted}
    return {key: value for key, value in found.items() if value}


def options(env: Mapping[str, str]) -> dict[str, str]:
    """Return all that ``pip install`` is told by variables and files, by the long name of the option.

    Raises UsageError when one of pip's files cannot be read.
    """
    files = _read(env)
    found: dict[str, str] = {}
    for section in ("global", "install"):
        found |= files[section] if files.has_section(section) else {}
    for name, value in env.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return {name: value for name, value in found.items() if value}


def _read(env: Mapping[str, str]) -> _Parser:
    parser = _Parser()
    try:
        parser.read(_files(env), encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError("pip's configuration cannot be read", why=str(error).splitlines()) from error
    return parser


def without_password(text: str) -> str:
    """Return ``text`` without the user names and passwords in its URLs."""
    return _USER_INFO.sub("//", text)


def _files(env: Mapping[str, str]) -> list[Path]:
    """List pip's files, the stronger ones last (pip's documentation, "Configuration files")."""
    if env.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path(env.get("HOME", "/"))
    machine = [Path(root) / "pip" for root in reversed((env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))]
    user = [home / ".pip", Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip"]
    named = [Path(env["PIP_CONFIG_FILE"])] if env.get("PIP_CONFIG_FILE") else []
    return [*(root / "pip.conf" for root in (*machine, Path("/etc"), *user, Path(sys.prefix))), *named]
