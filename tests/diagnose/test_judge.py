"""Causes read from logs of failures that really happened: ours in ``tests/data/logs``, others' in its excerpts."""

import re
import string
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.data import DATA
from factory.diagnose import machine
from factory.diagnose.facts import facts_of
from factory.diagnose.judge import UNKNOWN, Diagnosis, Resources, judge, selector_of
from factory.diagnose.lines import clean
from factory.diagnose.reading import read
from factory.diagnose.rules import Cause
from factory.matrix.advice import Facts
from factory.matrix.model import Cell
from factory.toolkit import headerfix

LOGS = Path(__file__).parents[1] / "data" / "logs"
TABLE = tomllib.loads((DATA / "diagnoses.toml").read_text(encoding="utf-8"))
RULES = machine.rules()
GB = 10**9
HERE = Resources(
    cores=8, memory=32 * GB, free=24 * GB, disk=50 * GB, peak=7 * GB, cache="/home/user/.cache/factory", cell=None
)
CELL = "cu124 torch2.6 cp310"
EXCERPTS = tomllib.loads((LOGS / "excerpts.toml").read_text(encoding="utf-8"))["excerpt"]
SPOKEN = tomllib.loads((LOGS / "spoken.toml").read_text(encoding="utf-8"))["line"]
KNOWN = replace(HERE, cell=CELL)
FIXES = headerfix.parse((DATA / "header_fixes.yaml").read_text(encoding="utf-8"))

# Each log with its cause and the line that is to be shown.
EXPECTED = {
    "cuda-bf16-header": ("cuda_bf16", "BFloat16.h:16:10: fatal error: cuda_bf16.h: No such file"),
    "cuda-home-unset": ("cuda_headers", "OSError: CUDA_HOME environment variable is not set."),
    "cuda-runtime-header": ("cuda_headers", "<command-line>: fatal error: cuda_runtime.h: No such file"),
    "cutlass-missing": ("source", "AssertionError: csrc/cutlass is missing"),
    "cxx20": ("cxx_standard", "error: #error C++20 or later compatible compiler is required"),
    "disk-full-pip": ("disk", "error: [Errno 28] No space left on device"),
    "disk-full-tmp": ("disk", "fatal error: when writing output to /home/user/full/tmpxft"),
    "glibc": ("glibc", "version `GLIBC_2.38' not found"),
    "host-compiler-forced": ("cuda_glibc", "mathcalls.h(79): error: exception specification is incompatible"),
    "cuda-glibc-nvcc": ("cuda_glibc", 'with that of previous function "rsqrt" (declared at line 629'),
    "cuda-glibc-pip": ("cuda_glibc", 'with that of previous function "cospi" (declared at line 5554'),
    "host-compiler-sid": ("compiler_new", "gcc versions later than 15 are not supported!"),
    "host-compiler-nvcc": ("compiler_new", "error: #error -- unsupported GNU version!"),
    "isolation-pip": ("isolation", "ModuleNotFoundError: No module named 'torch'"),
    "isolation-uv": ("isolation", "ModuleNotFoundError: No module named 'torch'"),
    "memory-cgroup": ("memory", "c++: fatal error: Killed signal terminated program cc1plus"),
    "memory-ulimit": ("memory", "Catastrophic error: out of memory"),
    "network-pip": ("network", "WARNING: Retrying (Retry(total=0"),
    "network-uv": ("network", "cause: error sending request for url"),
    "nvcc-missing": (
        "nvcc",
        "FileNotFoundError: [Errno 2] No such file or directory: '/home/user/build/emptycuda/bin/nvcc'",
    ),
    "terminal": ("cuda_headers", "<command-line>: fatal error: cuda_runtime.h: No such file or directory"),
    "time-limit": ("time_limit", "Using envvar MAX_JOBS (2) as the number of workers..."),
    "time-limit-group": ("time_limit", "ninja: build stopped: interrupted by user."),
    "time-limit-verbose": ("time_limit", "timeout: sending signal TERM to command"),
    "torch-cuda-mismatch": ("torch_cuda", "The detected CUDA version (13.0) mismatches the version"),
    "undefined-symbol": ("unfit", "undefined symbol: _ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib"),
    "unknown": (UNKNOWN, "csrc/flash_attn/src/flash.h(21): error: not a class or struct name"),
    "unsupported-arch": ("architecture", "nvcc fatal   : Unsupported gpu architecture 'compute_120'"),
    "wrong-cuda-import": ("unfit", "undefined symbol: _ZN3c104cuda19CUDAErrorLogCaptureC1Ev"),
}


def diagnosed(text: str | bytes, here: Resources = HERE) -> Diagnosis:
    return judge(read([text if isinstance(text, bytes) else text.encode()], RULES), RULES, here)


def log(name: str) -> bytes:
    return (LOGS / f"{name}.log").read_bytes()


def shown(found: Diagnosis) -> str:
    assert found.evidence is not None
    return found.evidence.text


def test_every_log_is_expected_to_say_something() -> None:
    assert {path.stem for path in LOGS.glob("*.log")} == set(EXPECTED)


@pytest.mark.parametrize(("name", "cause", "line"), [(name, *row) for name, row in EXPECTED.items()])
def test_a_real_log(name: str, cause: str, line: str) -> None:
    found = diagnosed(log(name))
    assert found.cause == cause
    assert line in shown(found)


@pytest.mark.parametrize("excerpt", EXCERPTS, ids=lambda row: f"{row['cause']} {row['from'].split('/', 3)[-1]}")
def test_what_others_met(excerpt: dict[str, Any]) -> None:
    assert diagnosed(excerpt["text"]).cause == excerpt["cause"]


def test_every_cause_named_in_the_issue_is_known() -> None:
    wanted = ("memory", "time_limit", "cuda_headers", "cuda_bf16", "torch_cuda", "isolation", "compiler_new")
    assert {*wanted, "cxx_standard", "disk", "network"} <= {cause.name for cause in RULES.causes}


def test_the_gaps_of_every_text_can_be_filled() -> None:
    always = set(re.findall(r"{(\w+)}", (DATA / "diagnoses.toml").read_text(encoding="utf-8").split("hooks")[0]))
    for cause in RULES.causes:
        caught = [set(sign.pattern.groupindex) if sign.pattern else set() for sign in cause.signs]
        sure = always | set(RULES.tools[""]) | set(cause.defaults) | set.intersection(*caught)
        for text in (cause.title, cause.what, cause.next, cause.next_tight, cause.by_hand, cause.windows):
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= sure, cause.name


def test_every_sign_is_in_its_own_pattern() -> None:
    """A text in capital letters would never be found, for lines are looked at in small ones."""
    signs = [sign for cause in RULES.causes for sign in cause.signs]
    assert [sign.text for sign in signs if sign.text != sign.text.lower()] == []
    assert {sign.given for sign in signs} <= {"", *RULES.context}
    assert {cause.unless for cause in RULES.causes} <= {"", *RULES.context}


# ------------------------------------------------------------------------------------------ what comes with what


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "Killed\nninja: build stopped: subcommand failed.\nerror: command '/x/nvcc' failed with exit code 1",
            "memory",
        ),
        ("x.cu(3): error: no\nKilled\nTraceback (most recent call last):\nRuntimeError: Error compiling", "memory"),
        ("Killed\ncc1plus: fatal error: /tmp/a.s: No space left on device", "disk"),
        (
            "<string>:9: UserWarning: nvcc was not found.\nOSError: CUDA_HOME environment variable is not set.",
            "cuda_headers",
        ),
        ("WARNING: Retrying after connection broken by 'ReadTimeoutError'\nDownloading x\nKilled", "memory"),
        ("<urlopen error [Errno -2] Name or service not known>\nFAILED: [code=2] a.o\na.cu(1): error: no", UNKNOWN),
        ("ImportError: No module named 'torch'", "torch_missing"),
        ("Installing build dependencies ... done\nImportError: No module named 'torch'", "isolation"),
        ('/usr/include/c++/14/x.h(9): error: identifier "__is_array" is undefined', "compiler_new"),
        ('a.cu(1): error: no\n/usr/include/c++/14/x.h(9): error: identifier "a" is undefined', UNKNOWN),
        (
            "nvcc error   : 'cicc' died due to signal 15 (Terminate)\nninja: build stopped: interrupted by user.",
            "time_limit",
        ),
        ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", UNKNOWN),
        ("UserWarning: Failed to initialize NumPy: No module named 'numpy'\na.cu(1): error: no", UNKNOWN),
    ],
)
def test_the_cause_is_found_among_its_consequences(text: str, cause: str) -> None:
    assert diagnosed(text).cause == cause


@pytest.mark.parametrize(
    "line",
    [
        "Killed",
        "/bin/sh: line 1: 12345 Killed                  cicc --c++17",
        "bash: line 7:    99 Killed  python setup.py bdist_wheel",
        "[1]+  Killed                  pip wheel .",
        "c++: internal compiler error: Killed (program cc1plus)",
        "collect2: fatal error: ld terminated with signal 9 [Killed]",
        "FAILED: [code=137] build/a.o",
        "##[error]Process completed with exit code 137.",
        "The command '/bin/sh -c pip install flash-attn' returned a non-zero code: 137",
        'ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 137',
        "subprocess.CalledProcessError: Command '['ninja']' died with <Signals.SIGKILL: 9>.",
        "LLVM ERROR: out of memory",
        "cc1plus: out of memory allocating 65536 bytes after a total of 1000 bytes",
        "virtual memory exhausted: Cannot allocate memory",
        "ptxas fatal   : Memory allocation failure",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch.",
        "2026-11-23T09:00:00.1234567Z nvcc error   : 'ptxas' died due to signal 9 (Kill signal)",
        "build\tCompile\t2026-11-23T09:00:00.1234567Z Killed",
        "#15 381.6 Killed",
    ],
)
def test_many_ways_to_be_killed(line: str) -> None:
    assert diagnosed(f"compiling\n{line}\nninja: build stopped: subcommand failed.\n").cause == "memory"


@pytest.mark.parametrize(
    "line",
    [
        "slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-23T09:00:00 DUE TO TIME LIMIT ***",
        "##[error]The action 'Build' has timed out after 300 minutes.",
        "ERROR: Job failed: execution took longer than 1h0m0s seconds",
        "##[error]The job running on agent Azure Pipelines 3 ran longer than the maximum time of 60 minutes.",
        "##[error]Process completed with exit code 124.",
        "##[error]The operation was canceled.",
        "c++: fatal error: Terminated signal terminated program cc1plus",
    ],
)
def test_many_ways_to_be_late(line: str) -> None:
    assert diagnosed(f"[1/84] nvcc -c a.cu -o a.o\n{line}\n").cause == "time_limit"


@pytest.mark.parametrize("row", SPOKEN, ids=lambda row: row["cause"])
def test_compilers_and_shells_speak_chinese_too(row: dict[str, str]) -> None:
    assert diagnosed(row["text"]).cause == row["cause"]


def test_a_line_of_source_is_not_what_a_program_said() -> None:
    found = diagnosed("  raise OSError('CUDA_HOME environment variable is not set. '\nOSError: another thing\n")
    assert (found.cause, shown(found)) == (UNKNOWN, "OSError: another thing")


def test_the_newest_compiler_is_named() -> None:
    torch = "(14.2.0) is greater than the maximum required version by CUDA 12.4. Use g++ (>=6.0.0, <14.0)."
    assert "`CXX=g++-13 nox" in diagnosed(f"RuntimeError: The current installed version of g++ {torch}").next
    older = next(row["text"] for row in EXCERPTS if "<=11.5.0" in row["text"])
    assert "`CXX=g++-11 nox" in diagnosed(older).next


def test_what_the_factory_does_about_a_compiler_goes_before_what_to_install() -> None:
    said = diagnosed(log("host-compiler-sid"), KNOWN).next
    assert said.startswith(f"`nox -s build -- {CELL}`: the factory takes another g++ of this machine that fits")
    assert "`CXX=g++-15 nox -s build" in said


NONE_FITS = "error: CUDA 12.4 needs a host g++ of at most version 13"
CLASH = (
    "/usr/include/x86_64-linux-gnu/bits/mathcalls.h(79): error: exception specification is incompatible with that of"
)


@pytest.mark.parametrize("function", [name for fix in FIXES for name in fix.functions])
@pytest.mark.parametrize(
    "shape",
    [
        '{CLASH} previous function "{function}" (declared at line 9 of /cuda/include/crt/math_functions.h)',
        '  {CLASH} previous function "{function}"\n  /cuda/include/crt/math_functions.h(9): here\n',
        '2026-11-23T09:00:00.1234567Z {CLASH} previous function "{function}" (declared',
        '#15 381.6 {CLASH} previous function "{function}"',
        '[stderr] {CLASH} previous function "{function}"\nninja: build stopped: subcommand failed.',
    ],
)
def test_a_function_that_a_header_fix_is_for(shape: str, function: str) -> None:
    found = diagnosed(shape.format(CLASH=CLASH, function=function), KNOWN)
    assert (found.cause, f"a function {function}," in found.what) == ("cuda_glibc", True)
    assert f"`nox -s build -- {CELL}`: the factory compiles with a copy of the headers" in found.next


def test_the_text_says_what_the_header_fixes_say() -> None:
    text = RULES.cause("cuda_glibc")
    for fix in FIXES:
        assert f"{fix.mended_in}" in text.what
        assert all(name in text.what for name in fix.functions if f"{name}f" in fix.functions)
    assert f"CUDA {max(fix.mended_in for fix in FIXES)} or newer" in text.by_hand
    assert f"older than {min(fix.glibc for fix in FIXES)}" in text.by_hand


def test_a_line_that_was_cut_is_known_too() -> None:
    assert diagnosed(f"{CLASH}\nprevious function\n").cause == "cuda_glibc"


def test_a_function_without_a_fix_needs_another_c_library() -> None:
    checked = (DATA / "host_check.cpp").read_text(encoding="utf-8")
    (function, *others) = re.findall(r"^CUDA_DECLARES\(\w+, (\w+)\)", checked, re.MULTILINE)
    assert not {function, *others} & {name for fix in FIXES for name in fix.functions}
    told = f"/usr/bin/g++ (13.3.0): glibc declares {function} noexcept, CUDA's headers do not"
    for line in (f'{CLASH} previous function "{function}"', f"{NONE_FITS}\n  {told}"):
        found = diagnosed(line, KNOWN)
        assert (found.cause, f"a function {function}," in found.what) == ("cuda_glibc_new", True)
        assert found.next.startswith(f"`nox -s build -- {CELL} --backend container`")


def test_what_the_factory_itself_said_leads_on() -> None:
    first = "error: CUDA 12.4 of CUDA_HOME cannot compile with /usr/bin/g++-13 on this machine"
    found = diagnosed(f'{first}\n  {CLASH} previous function "cospi"', KNOWN)
    assert (found.cause, "the toolkit of CUDA_HOME" in found.what) == ("cuda_first", True)
    assert found.next.startswith(f"`unset CUDA_HOME CUDA_PATH`, then `nox -s build -- {CELL}`")
    assert "`CXX=g++-13 nox" in diagnosed(NONE_FITS).next
    fetched = NONE_FITS.removeprefix("error: ") + "; /usr/bin/g++ is 14.2.0\nfetching Debian's g++ 13.3.0 (46 MB)\n"
    assert diagnosed(f"{fetched}a.cu(1): error: no").cause == UNKNOWN


def test_a_program_s_own_clash_is_none_of_the_c_library() -> None:
    line = 'a.cu(7): error: exception specification is incompatible with that of previous function "mine"'
    assert diagnosed(line).cause == UNKNOWN


def test_both_sides_of_a_mismatch_are_named() -> None:
    found = diagnosed(log("torch-cuda-mismatch"))
    assert "found is 13.0, but torch was built with CUDA 12.4" in found.what


# ------------------------------------------------------------------------------------------------- the unknown


def test_an_unknown_failure_says_so_and_shows_the_first_error() -> None:
    found = diagnosed(
        "cc -c a.c -o a.o -Werror\na.c:1: warning: error: odd\na.c:2:1: error: first\na.c:9:1: error: last\n"
    )
    assert (found.known, shown(found)) == (False, "a.c:2:1: error: first")
    assert "Nothing in this log is a sign of a known failure" in found.what


def test_a_summary_is_shown_only_where_there_is_nothing_else() -> None:
    assert shown(diagnosed("ERROR: Failed building wheel for x\nx\n")) == "ERROR: Failed building wheel for x"
    assert shown(diagnosed("ERROR: Failed building wheel for x\nfatal: no\n")) == "fatal: no"


def test_a_log_without_an_error() -> None:
    assert diagnosed("").evidence is None
    assert diagnosed("all\nis well").what == "Nothing in this log looks like an error."
    done = diagnosed("WARNING: Retrying after connection broken by 'X'\nSuccessfully built flash_attn\n")
    assert (done.cause, done.what) == (UNKNOWN, RULES.unknown.whole)


# --------------------------------------------------------------------------------------------- the next command


@pytest.mark.parametrize(
    ("here", "used", "command"),
    [
        (KNOWN, None, f"`MAX_JOBS=3 nox -s build -- {CELL} --memory 22`"),
        (KNOWN, 4, f"`MAX_JOBS=2 nox -s build -- {CELL} --memory 22`"),
        (replace(KNOWN, cores=2), None, f"`MAX_JOBS=2 nox -s build -- {CELL} --memory 22`"),
        (replace(KNOWN, free=6 * GB), None, f"`MAX_JOBS=1 nox -s build -- {CELL}`, after freeing memory"),
        (replace(KNOWN, alone=True), None, f"`MAX_JOBS=1 nox -s build -- {CELL}`, after freeing memory"),
    ],
)
def test_the_next_command_has_this_machines_numbers(here: Resources, used: int | None, command: str) -> None:
    said = f"Using envvar MAX_JOBS ({used}) as the number of workers...\n" if used else ""
    assert command in diagnosed(f"{said}Killed\n", here).next


NO_BUILD_HELPS = {"foreign", "gpu_old", "driver_missing"}


@pytest.mark.parametrize("cause", RULES.causes, ids=lambda cause: cause.name)
def test_every_cause_ends_in_a_command_for_the_cell(cause: Cause) -> None:
    assert ("{build}" in cause.next) == (cause.name not in NO_BUILD_HELPS)
    texts = (cause.what, cause.next, cause.next_tight, cause.by_hand, cause.windows)
    assert all(text.rstrip()[-1] in ".`}" for text in texts if text)


def test_an_unknown_cell_is_explained() -> None:
    assert "CELL stands for the cell, such as cu124 torch2.6 cp310" in diagnosed("Killed").next
    assert "CELL" not in diagnosed("Killed", KNOWN).next


def test_a_log_says_which_cell_it_is_of() -> None:
    said = facts_of(read([log("unknown")], RULES).told)
    assert said == Facts(cuda="12.4", torch="2.6.0+cu124", python="3.10", flash_attn="2.7.4.post1")
    assert facts_of(read([b"nothing"], RULES).told) == Facts()


@pytest.mark.parametrize(("profile", "more"), [("full", ""), ("smoke", " --profile smoke")])
def test_a_cell_is_named_as_it_is_typed(profile: str, more: str) -> None:
    cell = Cell(
        flash_attn="2.7.4.post1",
        cuda="12.4",
        torch="2.6",
        python="3.10",
        cxx11abi=False,
        profile=profile,
        archs=(),
        machine="x86_64",
    )
    assert selector_of(cell) == f"cu124 torch2.6 cp310 abiFALSE fa2.7.4.post1 x86_64{more}"


# ------------------------------------------------------------------------------------------------ any text at all


@given(st.lists(st.one_of(st.binary(), st.sampled_from([path.read_bytes()[:3000] for path in LOGS.glob("*.log")]))))
def test_no_bytes_break_it_and_the_evidence_is_in_its_line(blocks: list[bytes]) -> None:
    found = judge(read(blocks, RULES), RULES, HERE)
    text = b"".join(blocks)
    if found.evidence is None:
        assert all(not clean(line.decode(errors="replace")) for line in text.split(b"\n"))
    else:
        line = text.split(b"\n")[found.evidence.number - 1]
        assert found.evidence.text in clean(line.decode(errors="replace"))


@given(st.text(), st.sampled_from(["Killed", "OSError: [Errno 28] No space left on device", "a.c:1:1: error: no"]))
def test_a_sign_is_found_below_any_text(above: str, sign: str) -> None:
    found = diagnosed(f"{above}\n{sign}\n")
    assert found.evidence is not None
    assert found.evidence.number <= above.count("\n") + 2


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("size", [1, 997])
def test_where_blocks_end_does_not_matter(name: str, size: int) -> None:
    whole = log(name)[:20_000]
    cut = (whole[at : at + size] for at in range(0, len(whole), size))
    assert judge(read(cut, RULES), RULES, HERE) == diagnosed(whole)


@pytest.mark.parametrize("name", EXPECTED)
def test_colours_and_line_ends_do_not_matter(name: str) -> None:
    plain = log(name).replace(b"\r\n", b"\n")
    painted = b"\r\n".join(b"\x1b[01;31m\x1b[K" + line + b"\x1b[m\x1b[K" for line in plain.split(b"\n"))
    assert diagnosed(painted) == diagnosed(plain)


MEGABYTES = 100
COMMAND = b"[9/84] nvcc -I/home/user/flash/csrc -O3 -std=c++17 -Xcompiler -Werror=format-security -c a.cu -o a.o\n"


def long_log(line: bytes, sign: bytes) -> Iterator[bytes]:
    """Yield a log of 100 MB with ``sign`` in its middle."""
    block = line * (2_000_000 // len(line))
    for number in range(MEGABYTES * 1_000_000 // len(block)):
        yield block if number else block + sign


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (COMMAND, "memory"),
        (b"a\n", "memory"),
        (b"\n", "memory"),
        (b"\xff\x00\x1b[31m\x80" * 50 + b"\n", "memory"),
        (b"a.cu(1): error: no\n", UNKNOWN),
        (b"a" * 100, "memory"),
        ("\N{CJK UNIFIED IDEOGRAPH-7F16}\N{CJK UNIFIED IDEOGRAPH-8BD1}\n".encode() * 9, "memory"),
    ],
)
def test_a_long_log_takes_no_long_time(line: bytes, cause: str) -> None:
    began = time.process_time()
    found = judge(
        read(long_log(line, b"\nnvcc error   : 'cicc' died due to signal 9 (Kill signal)\n"), RULES), RULES, HERE
    )
    assert found.cause == cause
    assert time.process_time() - began < 3.0  # seconds; about one where nothing else runs


@pytest.mark.parametrize("lines", [7_999, 8_000, 8_001, 20_000, 300_000])
def test_of_many_short_lines_the_first_and_the_last_are_read(lines: int) -> None:
    short = b"a\n" * lines
    for text, number in ((b"Killed\n" + short, 1), (short + b"Killed\n", lines + 1), (short + b"Killed", lines + 1)):
        found = diagnosed(text)
        assert (found.cause, found.evidence and found.evidence.number) == ("memory", number)
