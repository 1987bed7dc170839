"""A verdict for people: rows for a table on the terminal, Markdown for a job's page, bars of error and of speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from factory.gpu_test.verdict import GROUPS, Case, Group, Timing, Verdict
from factory.output.annotation import Annotation, Level
from factory.output.markdown import Markup, bullets, page, section, table
from factory.output.progress import counted, duration

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_WIDTH = 12  # characters of a full bar
_SHOWN = 20  # failures on the job's page; the verdict has all

GROUP_COLUMNS = ("group", "passed", "failed", "skipped", "time", "worst error of what is allowed", "what went wrong")
TIMING_COLUMNS = ("case", "which", "ms", "time", "against torch's own")
ARCH_COLUMNS = ("architecture", "tested", "why")


def bar(part: float, *, width: int = _WIDTH) -> str:
    """Return ``part`` of a whole, 0 to 1, drawn in eighths of a character; what is above is drawn full."""
    eighths = round(max(0.0, min(part, 1.0)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def group_rows(verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """Return a row of GROUP_COLUMNS for each group that ran."""
    return tuple(_group_row(group) for group in verdict.groups)


def timing_rows(verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """Return rows of TIMING_COLUMNS: for each case the wheel, torch's own attention, and the wheel beside it."""
    return tuple(row for timing in verdict.timings for row in _timing_rows(timing))


def arch_rows(verdict: Verdict) -> tuple[tuple[str, ...], ...]:
    """Return a row of ARCH_COLUMNS for each form of the wheel's GPU code."""
    return tuple((arch.arch, "yes" if arch.tested else "no", arch.why) for arch in verdict.archs)


def skip_lines(verdict: Verdict) -> tuple[str, ...]:
    """Return what was skipped and why, a line for each group and reason."""
    named: dict[tuple[str, str], list[str]] = {}
    for case in (case for group in verdict.groups for case in group.skips):
        named.setdefault((case.group, case.why), []).append(case.name)
    return tuple(
        f"{group}: skipped {names[0] if len(names) == 1 else f'{len(names)} cases'}: {why or 'no reason given'}"
        for (group, why), names in named.items()
    )


def headline(verdict: Verdict) -> str:
    """Return how it ended, in one line."""
    passed, failed = sum(group.passed for group in verdict.groups), sum(len(group.failures) for group in verdict.groups)
    word = "passed" if verdict.ok else "FAILED"
    missing = f", {len(verdict.missing)} of {len(GROUPS)} groups not run" if verdict.missing else ""
    ended = f"{counted(passed, 'case')} passed, {failed} failed{missing} in {duration(verdict.seconds)}"
    return f"{word}: {verdict.wheel}: {ended}"


def identity(verdict: Verdict) -> tuple[tuple[str, str], ...]:
    """Return what was tested on what, as pairs of a name and a value."""
    machine = verdict.machine
    left_out = f", without {' '.join(verdict.left_out)}" if verdict.left_out else ""
    return (
        ("GPU", f"{machine.gpu or 'unknown'} ({machine.capability or '?'}), driver {machine.driver or 'unknown'}"),
        ("torch", f"{machine.torch or 'none'}, CUDA {machine.cuda or 'none'}, Python {machine.python or 'unknown'}"),
        ("flash-attn", f"{machine.flash_attn or 'not imported'}, profile {verdict.profile}{left_out}"),
        ("sha256", verdict.sha256),
        ("seed", str(verdict.seed)),
        ("started", verdict.started),
    )


def markdown(verdict: Verdict) -> str:
    """Return the page of a job."""
    return page(
        f"{'✅' if verdict.ok else '❌'} GPU test {headline(verdict)}",
        table(("", ""), identity(verdict)),
        section("What is wrong", bullets(verdict.complaints)),
        section("Error", table(GROUP_COLUMNS, group_rows(verdict)) if verdict.groups else Markup()),
        section("Failures", bullets(_failures(verdict.groups))),
        section("Speed", table(TIMING_COLUMNS, timing_rows(verdict)) if verdict.timings else Markup()),
        section("Architectures", table(ARCH_COLUMNS, arch_rows(verdict))),
        section("Skipped", bullets(skip_lines(verdict))),
    )


def untried(verdict: Verdict) -> tuple[Annotation, ...]:
    """Return a remark on the wheel's GPU code that the trial did not run; none where it ran all."""
    left = [f"{arch.arch}: {arch.why}" for arch in verdict.archs if not arch.tested]
    title = f"{verdict.wheel}: not all of its GPU code was tried"
    return (Annotation(level=Level.NOTICE, title=title, message="\n".join(left)),) if left else ()


def _group_row(group: Group) -> tuple[str, ...]:
    counts = (str(group.passed), str(len(group.failures)), str(len(group.skips)))
    return (group.name, *counts, duration(group.seconds), _worst(group.worst), group.trouble)


def _worst(case: Case | None) -> str:
    if case is None or case.ratio is None:
        return ""
    return f"{bar(case.ratio):<{_WIDTH}} {case.ratio:.0%} {case.name}"


def _timing_rows(timing: Timing) -> Iterator[tuple[str, ...]]:
    named = (("wheel", timing.ours_ms), ("torch", timing.sdpa_ms), ("beside", timing.beside_ms))
    slowest = max(value for _, value in named if value is not None)
    for position, (which, value) in enumerate(named):
        if value is not None:
            against = "" if timing.sdpa_ms is None else f"{timing.sdpa_ms / value:.2f}x"
            yield (timing.name if position == 0 else "", which, f"{value:.3f}", bar(value / slowest), against)


def _failures(groups: Iterable[Group]) -> tuple[str, ...]:
    lines = [f"{case.group}: {case}" for group in groups for case in group.failures]
    more = (f"and {len(lines) - _SHOWN} more, in the verdict",) if len(lines) > _SHOWN else ()
    return (*lines[:_SHOWN], *more)
