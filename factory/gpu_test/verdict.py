"""What the trial of one wheel on a GPU came to, bound to one file by its sha256."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.dataclasses import dataclass

from factory.errors import VerdictError
from factory.output.progress import counted

SCHEMA = 1
OTHERS = "architectures"
"""The group that tries GPU code which the driver does not take; most wheels have none that their GPU can run."""

GROUPS = (
    "import",
    "forward",
    "backward",
    "varlen",
    "kvcache",
    "features",
    "shapes",
    "split",
    "determinism",
    "graph",
    "refused",
    OTHERS,
    "timing",
)
"""What every trial tries, in this order, each in a process of its own."""

_TIMING = "timing"
# What a profile leaves out may leave a group nothing to try, but never these.
_NEVER_EMPTY = frozenset({"import", "forward", "varlen", "kvcache", "shapes", "split", "graph", "refused", "timing"})
_DERIVED = frozenset({"cases", "failed", "skipped"})
# JSON has no NaN; it is written, and read back, as the text "NaN".
_CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings")

Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Difference = Annotated[
    float, WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Machine:
    """What the trial ran on; None where it could not be told. ``capability`` ``9.0``, ``torch`` ``2.11.0+cu130``."""

    gpu: str | None = None
    capability: str | None = None
    driver: str | None = None
    torch: str | None = None
    cuda: str | None = None
    python: str | None = None
    flash_attn: str | None = None


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Case:
    """One thing tried. ``error`` and ``allowed`` are largest absolute differences, None where nothing was measured."""

    group: str
    name: str
    outcome: Literal["passed", "failed", "skipped"]
    error: Difference | None = None
    allowed: Difference | None = None
    why: str = ""

    @property
    def ratio(self) -> float | None:
        """The error as a part of what is allowed; infinite where it is no number."""
        if self.error is None or self.allowed is None:
            return None
        if not (math.isfinite(self.error) and math.isfinite(self.allowed)):
            return math.inf
        if self.allowed > 0:
            return self.error / self.allowed
        return 0.0 if self.error <= 0 else math.inf

    @property
    def judged(self) -> Literal["passed", "failed", "skipped"]:
        """The outcome, held to the numbers: what is above what is allowed, or no number, never passes."""
        numbers = [number for number in (self.error, self.allowed) if number is not None]
        if self.outcome == "passed" and not (all(map(math.isfinite, numbers)) and (self.ratio or 0.0) <= 1):
            return "failed"
        return self.outcome

    def __str__(self) -> str:
        """Return it as one line."""
        numbers = "" if self.error is None else f", error {self.error:.3g}"
        limit = "" if self.allowed is None else f" of {self.allowed:.3g} allowed"
        return f"{self.name}{numbers}{limit}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Timing:
    """Medians in milliseconds: the wheel, torch's own attention, and the wheel it was run beside."""

    name: str
    ours_ms: Milliseconds
    sdpa_ms: Milliseconds | None = None
    beside_ms: Milliseconds | None = None


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Group:
    """What one group of cases came to. ``trouble`` says how its process went wrong, empty where it did not.

    ``worst`` is the case whose error was the largest part of what was allowed.
    """

    name: str
    passed: Count
    failures: tuple[Case, ...]
    skips: tuple[Case, ...]
    worst: Case | None
    trouble: str
    seconds: Seconds

    @classmethod
    def of(cls, name: str, cases: Sequence[Case], *, trouble: str, seconds: float) -> Group:
        """Return the sum of ``cases``; ``seconds`` are of wall time."""
        by_outcome = {
            word: tuple(case for case in cases if case.judged == word) for word in ("passed", "failed", "skipped")
        }
        measured = [case for case in cases if case.ratio is not None and case.judged != "skipped"]
        return cls(
            name=name,
            passed=len(by_outcome["passed"]),
            failures=by_outcome["failed"],
            skips=by_outcome["skipped"],
            worst=max(measured, key=lambda case: case.ratio or 0.0, default=None),
            trouble=trouble,
            seconds=seconds,
        )

    @property
    def cases(self) -> int:
        """How many cases it had."""
        return self.passed + len(self.failures) + len(self.skips)

    @property
    def ok(self) -> bool:
        """Whether it ran to its end and nothing failed."""
        return not self.trouble and not self.failures


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ArchTried:
    """One form of the wheel's GPU code, ``sm_90`` or ``compute_90``: whether the trial ran it, and why or why not."""

    arch: str
    tested: bool
    why: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Verdict:
    """The whole trial of one wheel.

    ``left_out`` are the switches of its profile, ``misfits`` what of the wheel does not fit the machine, a line each;
    ``beside`` is the name of the wheel it was timed beside, ``started`` in UTC, ``seconds`` of wall time.
    """

    schema: Annotated[int, Field(ge=SCHEMA, le=SCHEMA)] = SCHEMA
    wheel: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    seed: int
    profile: str
    left_out: tuple[str, ...]
    machine: Machine
    archs: tuple[ArchTried, ...]
    misfits: tuple[str, ...]
    groups: tuple[Group, ...]
    timings: tuple[Timing, ...]
    beside: str | None
    started: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")]
    seconds: Seconds

    @property
    def ok(self) -> bool:
        """Whether the wheel passed; a wheel of which anything was not tried did not."""
        return not self.complaints

    @property
    def complaints(self) -> tuple[str, ...]:
        """Everything that keeps the wheel from passing, a line each."""
        return tuple(self._complaints())

    def bound_to(self, sha256: str) -> bool:
        """Return whether it speaks of the file with this sha256."""
        return self.sha256 == sha256

    @property
    def missing(self) -> tuple[str, ...]:
        """The groups that did not run."""
        ran = {group.name for group in self.groups}
        return tuple(name for name in GROUPS if name not in ran)

    def to_json(self) -> str:
        """Return it as JSON text that ends in a newline, the counts and ``ok`` written out for readers.

        ``factory/data/verdict.schema.json`` describes it.
        """
        plain = json.loads(_ADAPTER.dump_json(self))
        head = {"schema": self.schema, "wheel": self.wheel, "sha256": self.sha256, "ok": self.ok}
        plain["groups"] = [
            {"name": group.name, "cases": group.cases, "passed": group.passed}
            | {"failed": len(group.failures), "skipped": len(group.skips)}
            | written
            for group, written in zip(self.groups, plain["groups"], strict=True)
        ]
        return json.dumps(head | plain, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Return the verdict that ``to_json`` wrote.

        Raises VerdictError for anything else, also where ``ok`` or a count is not what the rest of it says.
        """
        try:
            stated = json.loads(text)
            made = _ADAPTER.validate_python(_bare(stated))
            _agree(made, stated)
        except (ValueError, RecursionError) as error:
            raise VerdictError(
                "this is no verdict of the GPU test",
                why=str(error).splitlines(),
                remedy="Make a new one on a machine with a GPU: nox -s gpu_test -- dist/WHEEL",
            ) from error
        return made

    def _complaints(self) -> Iterator[str]:
        yield from self.misfits
        counted = Counter(group.name for group in self.groups)
        yield from (f"{name}: is there {times} times" for name, times in counted.items() if times > 1)
        yield from (f"{name}: is no group of a trial" for name in counted if name not in GROUPS)
        for group in self.groups:
            yield from self._of_group(group)
        if self.missing:
            yield f"did not run: {', '.join(self.missing)}"
        if not any(arch.tested for arch in self.archs):
            yield "none of the wheel's architectures was run"

    def _of_group(self, group: Group) -> Iterator[str]:
        if group.trouble:
            yield f"{group.name}: {group.trouble}"
        if group.failures:
            failed = f"{len(group.failures)} of {counted(group.cases, 'case')} failed"
            yield f"{group.name}: {failed}, first {group.failures[0]}"
        tried = group.passed or group.failures or (group.name == _TIMING and self.timings)
        may_be_empty = group.name == OTHERS or (self.left_out and group.name not in _NEVER_EMPTY)
        if not (tried or group.trouble or may_be_empty):
            yield f"{group.name}: nothing was tried"


_ADAPTER = TypeAdapter(Verdict)


def _agree(made: Verdict, stated: object) -> None:
    """Raise ValueError where ``stated`` holds another ok or count than follows from the rest of it."""
    if json.loads(made.to_json()) != stated:
        raise ValueError("it contradicts itself: ok, or a count, is not what follows from the rest")


def _bare(stated: Any) -> Any:  # noqa: ANN401  # what JSON holds is not known before it is checked
    """Leave out what ``to_json`` derived."""
    if not isinstance(stated, dict):
        return stated
    bare = {key: value for key, value in stated.items() if key != "ok"}
    if isinstance(bare.get("groups"), list):
        bare["groups"] = [
            {key: value for key, value in group.items() if key not in _DERIVED} if isinstance(group, dict) else group
            for group in bare["groups"]
        ]
    return bare
