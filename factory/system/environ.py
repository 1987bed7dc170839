"""What a compile may see of the caller's environment; everything else, tokens first of all, stays outside."""

from __future__ import annotations

from collections.abc import Mapping

# What a build may see of the caller: where programs and homes are, how to reach a network, no secret.
_INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TERM",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


def inherited(env: Mapping[str, str]) -> dict[str, str]:
    """Return what a build may see of ``env``; PATH is always there."""
    return {name: env[name] for name in _INHERITED if name in env} | {"PATH": env.get("PATH", "/usr/bin:/bin")}
