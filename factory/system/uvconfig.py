"""What pip is told of mirrors, in uv's words: people who set pip up need not do it again.

noxfile.py reads this too, with nox's own Python: standard library alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factory.system import pipconfig

# Who set one of these, or has a file of uv's, has told uv itself.
_OWN = (
    *("UV_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    "UV_OFFLINE",
)
# pip's options that change neither where packages come from nor how they are reached.
_NO_MATTER = frozenset(
    (
        *("break-system-packages", "cache-dir", "default-timeout", "disable-pip-version-check", "log", "no-cache-dir"),
        *("no-color", "no-input", "no-python-version-warning", "no-warn-script-location", "prefer-binary", "quiet"),
        *("progress-bar", "require-virtualenv", "retries", "root-user-action", "timeout", "upgrade-strategy", "user"),
        "verbose",
    )
)
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


@dataclass(frozen=True, kw_only=True)
class Told:
    """The variables and the options that tell uv; no option holds an address, for commands are shown."""

    env: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def told(env: Mapping[str, str]) -> Told | None:
    """Return what tells uv what ``env`` and pip's files tell pip; None where uv has no word for some of it.

    uv looks at all indexes as pip does, so use it for what is checked by hash. Raises UsageError when one of pip's
    files cannot be read.
    """
    if any(env.get(name) for name in _OWN) or any(path.is_file() for path in _files(env)):
        return Told()
    options = pipconfig.options(env)
    said: dict[str, str] = {}
    if url := options.pop("index-url", ""):
        said["UV_DEFAULT_INDEX"] = url
    if urls := options.pop("extra-index-url", "").split():
        said["UV_EXTRA_INDEX_URL"] = " ".join(urls)
        said["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if places := options.pop("find-links", "").split():
        said["UV_FIND_LINKS"] = ",".join(places)
    if hosts := options.pop("trusted-host", "").split():
        said["UV_INSECURE_HOST"] = " ".join(hosts)
    if certificates := options.pop("cert", ""):
        said["SSL_CERT_FILE"] = certificates
    if proxy := options.pop("proxy", ""):
        said.update(dict.fromkeys(_PROXIES, proxy if "://" in proxy else f"http://{proxy}"))
    no_index = options.pop("no-index", "").lower() in {"1", "true", "yes", "on", "y", "t"}
    if options.keys() - _NO_MATTER:
        return None
    return Told(env=said, options=("--no-index",) if no_index else ())


def _files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """List uv's own files (uv's documentation, "Configuration files")."""
    home = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/")) / ".config")
    return (home / "uv" / "uv.toml", Path("/etc/uv/uv.toml"))
