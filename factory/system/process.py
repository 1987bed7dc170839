"""The only place that starts processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a finished process left: its exit status and what it printed."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether it exited 0."""
        return self.status == 0


def shown(argv: Sequence[str | Path]) -> str:
    """Return the line that names ``argv`` in a log: ``+ nvcc -c a.cu``, quoted so that a shell takes it as it is."""
    return f"+ {shlex.join(map(str, argv))}\n"


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run ``argv`` (never through a shell) to its end and return what it left of both streams.

    ``env`` replaces the environment, it does not add to it. ``timeout`` is in seconds. A program that
    is not there or cannot be run gives status 127 as a shell would, one that overran its time 124 as
    ``timeout`` of the GNU coreutils would; neither raises.
    """
    words = tuple(str(word) for word in argv)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return Completed(argv=words, status=127, stdout="", stderr=f"{words[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Completed(argv=words, status=124, stdout="", stderr=f"no end within {timeout:g} seconds")
    return Completed(argv=words, status=done.returncode, stdout=done.stdout, stderr=done.stderr)


def stream(
    argv: Sequence[str | Path],
    *,
    line: Callable[[str], None],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> int:
    """Run ``argv``, hand each line of its merged output to ``line`` as it comes, return the status.

    The status is negative for a signal. The process and all it started are ended when ``line`` raises or the
    caller is interrupted, so nothing outlives a Ctrl-C. Raises OSError where the program cannot be run.
    """
    words = [str(word) for word in argv]
    with subprocess.Popen(
        words,
        cwd=cwd,
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        bufsize=1,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                line(text.rstrip("\n"))
        except BaseException:
            end_group(process)
            raise
        return process.wait()


def follow(
    argv: Sequence[str | Path],
    *,
    line: Callable[[str], None],
    errors: Path,
    limit: float,
    env: Mapping[str, str],
) -> tuple[int, bool]:
    """Run ``argv``, hand each line of its output to ``line`` as it comes; what it says of errors goes to a file.

    After ``limit`` seconds it and all it started are killed. Returns the status, negative for a signal, and
    whether it overran. As with ``stream``, nothing outlives an interrupt. Raises OSError where the program cannot
    be run or the file ``errors`` not be written.
    """
    late = threading.Event()
    with (
        errors.open("wb") as sink,
        subprocess.Popen(
            [str(word) for word in argv],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            errors="replace",
            process_group=0,
        ) as process,
        _alarm(limit, process, late),
    ):
        assert process.stdout is not None
        try:
            for text in process.stdout:
                line(text.rstrip("\n"))
            return process.wait(), late.is_set()
        except BaseException:
            _kill_group(process)
            raise


@contextlib.contextmanager
def _alarm(seconds: float, process: subprocess.Popen[str], late: threading.Event) -> Iterator[None]:
    """Set ``late`` and kill ``process`` and all it started if the block takes longer than ``seconds``."""

    def ring() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_group(process: subprocess.Popen[str]) -> None:
    """Kill the leader of a process group and all it started, those too that ignore being asked."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How a process ended: status as a shell gives it, CPU seconds, and bytes of its largest single process."""

    status: int
    cpu_seconds: float
    peak_bytes: int


def start(argv: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], output: Path) -> subprocess.Popen[bytes]:
    """Start ``argv`` as the leader of its own process group, its output going to the file ``output``.

    Raises OSError where the program cannot be run or the file not be written.
    """
    with output.open("wb") as sink:
        return subprocess.Popen(
            [str(word) for word in argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            process_group=0,
        )


def end_group(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End the leader of a process group and all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def measure(argv: Sequence[str], *, cwd: str, env: Mapping[str, str]) -> Usage:
    """Run ``argv`` to its end, output going where ours goes, and return what it used.

    Raises OSError where the program cannot be run.
    """
    process = subprocess.Popen(argv, cwd=cwd, env=dict(env))
    _, raw, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(raw)
    return Usage(
        status=process.returncode if process.returncode >= 0 else 128 - process.returncode,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * 1024,
    )
