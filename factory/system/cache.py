"""Where the factory keeps what it need not make twice, and how a directory appears there all at once."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from platformdirs import user_cache_path

from factory.errors import UsageError

NAME = "flash-attn-wheel-factory"
"""What the cache is called below the user's cache directory."""


def cache_root(env: Mapping[str, str]) -> Path:
    """Return ``$FACTORY_CACHE`` of ``env``, else a place below the user's cache directory, as platformdirs finds it.

    Raises UsageError where that is below a home directory and there is none.
    """
    try:
        if env.get("FACTORY_CACHE"):
            return Path(env["FACTORY_CACHE"]).expanduser().absolute()
        return user_cache_path(NAME)
    except RuntimeError as error:  # a user without a name, as containers have them, and no HOME
        raise UsageError(
            "there is no home directory to keep the cache in",
            why=[str(error)],
            remedy="Name a directory with FACTORY_CACHE=..., and run the same command again.",
        ) from error


def writable(directory: Path, use: str = "the cache", instead: str = "FACTORY_CACHE=...") -> Path:
    """Return ``directory``, made if it is not there.

    Raises UsageError when nobody may write into it: it says that ``use`` cannot be kept there, and what to give
    ``instead``.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise UsageError(
            f"{use} cannot be kept in {directory}",
            why=[str(error)],
            remedy=f"Name another directory with {instead}, and run the same command again.",
        ) from error


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold ``path`` as a lock; ``waiting`` is called once if another process holds it now.

    The system drops the lock when its holder ends, however it ends. Raises OSError where ``path`` cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_once(directory: Path, make: Callable[[Path], None]) -> Path:
    """Return ``directory``, made by ``make`` beside it and renamed if it is not there yet.

    Two processes may ask at once: one makes it, the other waits. What a crash left half-made is removed.
    Raises what ``make`` raises, and OSError where nothing can be written there.
    """
    if directory.is_dir():
        return directory
    with locked(directory.parent / f".{directory.name}.lock"):
        if directory.is_dir():
            return directory
        for leftover in directory.parent.glob(f".{directory.name}.tmp-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.tmp-"))
        try:
            make(temporary)
            temporary.rename(directory)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return directory


def made_right(directory: Path, make: Callable[[Path], None], right: Callable[[], bool]) -> Path:
    """Return ``directory`` as ``made_once`` does, but made anew where it is there and not ``right``."""
    if directory.is_dir() and not right():
        with locked(directory.parent / f".{directory.name}.lock"):
            if directory.is_dir() and not right():  # else another process has made it anew meanwhile
                aside = tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.tmp-")
                directory.rename(Path(aside) / directory.name)
    return made_once(directory, make)
