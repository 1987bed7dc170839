"""Names of container images, read as Docker and Podman read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_DEFAULT_REGISTRY = "docker.io"
_OFFICIAL = "library/"  # where the default registry keeps repositories of one word
_DEFAULT_TAG = "latest"
_LONGEST = 255  # characters of registry and repository together

# The grammar of the Go package distribution/reference, which both engines use; IPv6 registries left out.
_WORD = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_NAME = re.compile(
    rf"(?:(?P<registry>{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?)/)?"
    rf"(?P<repository>{_WORD}(?:/{_WORD})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, kw_only=True)
class ImageName:
    """An image: ``docker.io``, ``library/debian``, ``bookworm``.

    ``registry`` may have a port. At least one of ``tag`` and ``digest`` (``sha256:...``) is there. Source of the
    grammar: the Go package distribution/reference, which Docker and Podman use.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what ``quay.io/owner/image:tag``, ``debian``, ``localhost:5000/image@sha256:...`` and the like name.

        Raises ValueError saying what is expected.
        """
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not an image such as docker.io/owner/image:tag")
        registry, repository = _split(found["registry"], found["repository"])
        if len(registry) + 1 + len(repository) > _LONGEST:
            raise ValueError(f"the image name {text[:40]}... has more than {_LONGEST} characters")
        tag = found["tag"] or (None if found["digest"] else _DEFAULT_TAG)
        return cls(registry=registry, repository=repository, tag=tag, digest=found["digest"])

    @property
    def local(self) -> bool:
        """Whether it is one the engine made itself: Podman files those under ``localhost/``."""
        return self.registry == "localhost"

    @property
    def reference(self) -> str:
        """What a registry is asked for: the digest, or else the tag."""
        return self.digest or self.tag or _DEFAULT_TAG

    def __str__(self) -> str:
        """Spell it in full."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def _split(first: str | None, rest: str) -> tuple[str, str]:
    """Tell a registry from the first word of a repository: it has a dot, a port or a capital, or is localhost."""
    if first is not None and (first == "localhost" or re.search(r"[.:A-Z]", first)):
        registry, repository = first, rest
    else:
        registry, repository = _DEFAULT_REGISTRY, rest if first is None else f"{first}/{rest}"
    official = registry == _DEFAULT_REGISTRY and "/" not in repository
    return registry, _OFFICIAL + repository if official else repository
