"""A container image: here, or fetched, or a clear word why it is neither."""

from __future__ import annotations

from collections.abc import Callable

from factory.errors import DiskFullError, EngineError, ImageError, UnreachableError
from factory.image.engine import Engine
from factory.matrix.model import Image
from factory.platforms import own_machine, platforms
from factory.system import disk, process

_MACHINE = own_machine()
_PLATFORM = f"linux/{platforms()[_MACHINE].image if _MACHINE in platforms() else _MACHINE}"
_REFUSED = ("denied", "unauthorized", "authentication required")
_UNKNOWN = ("manifest unknown", "not found", "no such image", "repository does not exist")
_UNREACHED = (
    "no such host",
    "connection refused",
    "timeout",
    "timed out",
    "network is unreachable",
    "temporary failure",
    "pinging container registry",
)


def ensure(image: Image, engine: Engine, say: Callable[[str], None]) -> None:
    """Have ``image`` in the engine's store and able to run.

    Raises UnreachableError, ImageError (no such image, not allowed, another architecture), DiskFullError, or
    EngineError when the engine starts no container.
    """
    kind = _platform(image, engine)
    if kind is None:
        _pull(image, engine, say)
        kind = _platform(image, engine)
    if kind != _PLATFORM:
        raise ImageError(
            f"the image {image.reference} is for {kind}, not for {_PLATFORM}",
            remedy="Name another in matrix.yaml, or remove this one and pull the right one with --platform.",
        )
    _start(image, engine)


def _platform(image: Image, engine: Engine) -> str | None:
    """Return what the image is for (``linux/amd64``), None where it is not in the store."""
    words = ("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image.reference)
    answer = engine.run(*words, timeout=60)
    return answer.stdout.strip() if answer.ok else None


def _pull(image: Image, engine: Engine, say: Callable[[str], None]) -> None:
    if image.local:
        raise ImageError(
            f"the image {image.name} is not here, and no registry has it",
            remedy="Make it: nox -s image -- cu124 (or the CUDA it is for), then the same command again.",
        )
    say(f"fetching the image {image.reference}: once, some gigabytes")
    lines: list[str] = []
    words = ("pull", f"--platform={_PLATFORM}", image.reference)
    if process.stream([engine.path, *words], line=lines.append, env=engine.env) == 0:
        return
    raise _refusal(image, [line.strip() for line in lines if line.strip()][-3:])


def _refusal(image: Image, said: list[str]) -> UnreachableError | ImageError | DiskFullError:
    text = " ".join(said).lower()
    if disk.named(" ".join(said)):
        return DiskFullError(
            f"the disk is full: {image.name} does not fit into the engine's store",
            why=said,
            remedy="Free some space (docker system prune, podman system prune), and run the same command again.",
        )
    what = f"the image {image.reference} could not be fetched"
    if any(sign in text for sign in _UNREACHED):
        return UnreachableError(
            what, why=said, remedy="Check the network and the proxy, or build on this machine itself: --backend host"
        )
    if any(sign in text for sign in _REFUSED):
        return ImageError(what, why=said, remedy="It may not exist or may need a login; check its name in matrix.yaml.")
    known = any(sign in text for sign in _UNKNOWN)
    return ImageError(what, why=said, remedy="Correct its name in matrix.yaml." if known else "Mend that, then again.")


def _start(image: Image, engine: Engine) -> None:
    """Start a container once: an engine that answers may still be unable to."""
    answer = engine.run("run", "--rm", f"--platform={_PLATFORM}", "--pull=never", image.reference, "true", timeout=120)
    if answer.ok:
        return
    said = answer.stderr.strip().splitlines()[-3:]
    if disk.named(answer.stderr):
        raise DiskFullError(
            "the disk is full: the engine cannot start a container", why=said, remedy="Free some space, then again."
        )
    raise EngineError(
        f"{engine} cannot start a container of {image.reference}",
        why=said,
        remedy="Mend that (its own words are above), or build on this machine itself: --backend host",
    )
