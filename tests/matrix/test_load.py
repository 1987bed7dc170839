from __future__ import annotations

import itertools
import json
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import MatrixError
from factory.matrix import cells
from factory.matrix.arch import Arch
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Image, Representative
from factory.matrix.schema import json_schema
from tests.frozen import MATRIX

Made = TypeVar("Made")

ROOT = Path(__file__).parents[2]
REAL = MATRIX.read_text()
SCHEMA = ROOT / "factory/data/matrix.schema.json"
SMALL = f"""\
archs: default
max_jobs: 8
runners: {{build: [linux], gpu: []}}
gpu_test: {{python: newest}}
publish: {{profiles: [full]}}
machines: [x86_64]
wheels:
  2.6: {{flash_attn: [2.7.4.post1], cuda: {{12.4: false, 12.6: true}}, python: [3.9, 3.10]}}
  2.10: {{flash_attn: [2.7.4.post1], cuda: {{12.6: true}}, python: [3.10]}}
skip:
  - {{torch: 2.10, python: [3.11], reason: because}}
oldest_arch: 8.0
abi_true_since: 2.7
compression_since: {{cuda: 12.6, driver: 550}}
flash_attn:
  2.7.4.post1: {{sha256: {"a" * 64}, torch: [2.6, 2.10]}}
python:
  3.9: {{first_torch: 2.4, last_torch: 2.8, cibuildwheel: 3.4.1}}
  3.10: {{first_torch: 2.4, last_torch: 2.10, cibuildwheel: 4.3.3}}
  3.11: {{first_torch: 2.4, last_torch: 2.10, cibuildwheel: 4.3.3}}
torch:
  2.6:
    release: 2.6.0
    cxx_standard: 17
    setuptools: ">=70"
    builds:
      12.4: &default {{abi: false, index: default}}
      12.6: {{abi: true, index: "https://example.org/cu126"}}
  2.10:
    release: 2.10.0
    cxx_standard: 17
    setuptools: ">=70"
    builds:
      12.6: {{<<: *default, abi: true}}
      12.8: {{abi: true, index: default}}
cuda:
  12.4: &cuda
    targets: [7.5, 8.0, 8.6, 9.0]
    newest_gcc: 13
    minimum_driver: 525
    archs: [8.0, 90]
    front_end: {{8.0: [8.0, 9.0]}}
    image: null
  12.6: {{<<: *cuda, front_end: {{}}}}
  12.8:
    <<: *cuda
    archs: [8.0, 8.9+PTX, 12.0]
    targets: [8.0, 8.9, 9.0, 12.0]
    image: {{name: "example:cuda12.8", digest: null, manylinux: 2.28}}
platform:
  x86_64: {{archs: []}}
  aarch64: {{archs: [9.0, 12.0]}}
profiles:
  full: {{disable: [], summary: all}}
"""


def why(text: str | bytes) -> list[str]:
    with pytest.raises(MatrixError) as caught:
        load_matrix(text)
    return [line.removeprefix("matrix.yaml:") for line in caught.value.why]


def edited(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def counted(kind: str, text: str) -> int:
    """Return how many mistakes are told of ``text``, and print the CPU seconds that takes; a second, left alone.

    However busy this machine is, PyYAML's own loader, which here need not be used, takes longer to read them.
    """
    count, seconds = timed(lambda: len(why(text)))
    _, reading = timed(lambda: yaml.compose(text, Loader=yaml.BaseLoader))
    sys.stdout.write(f"{count} {kind}: {seconds:.2f} s of CPU; PyYAML alone reads them in {reading:.2f}\n")
    assert seconds < 1.5 * reading
    return count


def timed(call: Callable[[], Made]) -> tuple[Made, float]:
    began = time.process_time()
    made = call()
    return made, time.process_time() - began


def line_of(part: str, text: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_unquoted_versions_keep_their_last_zero() -> None:
    made = load_matrix(SMALL)
    assert made.torch["2.10"].release == "2.10.0"
    assert made.choices["2.10"].pythons == ("3.10",)


def test_a_machine_adds_to_the_list_of_a_cuda_what_that_makes() -> None:
    made = load_matrix(
        edited(
            "builds:\n      12.6: {<<: *default, abi: true}",
            "builds:\n      12.6: {<<: *default, abi: true, platform: [aarch64]}",
        )
    )
    assert [build.machines for build in made.torch["2.10"].builds] == [("aarch64",), ("x86_64",)]
    assert made.archs_of("12.6", "x86_64") == made.archs_of("12.6", "aarch64") == (Arch(8, 0), Arch(9, 0))
    assert made.archs_of("12.8", "aarch64") == (Arch(8, 0), Arch(8, 9, "", ptx=True), Arch(9, 0), Arch(12, 0))
    asked = load_matrix(edited("archs: default", "archs: [8.0]"))
    assert asked.archs_of("12.8", "aarch64") == (Arch(8, 0),)


def test_anchors_and_merges_are_read_as_yaml_means_them() -> None:
    made = load_matrix(SMALL)
    assert [(build.cuda, build.cxx11abi, build.index_url) for build in made.torch["2.10"].builds] == [
        ("12.6", True, None),
        ("12.8", True, None),
    ]
    assert made.toolkits["12.6"].archs == made.toolkits["12.4"].archs
    assert made.toolkits["12.6"].front_end == {}


def test_values_arrive_typed() -> None:
    made = load_matrix(SMALL)
    assert made.toolkits["12.4"].front_end == {Arch(8, 0): Arch(8, 0), Arch(9, 0): Arch(8, 0)}
    assert made.toolkits["12.8"].archs == (Arch(8, 0), Arch(8, 9, "", ptx=True), Arch(12, 0))
    assert made.toolkits["12.8"].image == Image(name="example:cuda12.8", digest=None, promise="manylinux_2_28")
    assert made.cibuildwheel == {"3.9": "3.4.1", "3.10": "4.3.3", "3.11": "4.3.3"}
    assert made.torch["2.6"].builds[0].pythons == ("3.9", "3.10", "3.11")
    assert made.flash_attn["2.7.4.post1"].torch == ("2.6", "2.10")
    assert made.max_jobs == 8
    assert made.gpu_python is Representative.NEWEST


def test_one_line_sets_the_architectures_of_every_toolkit() -> None:
    made = load_matrix(re.sub("(?m)^archs: default$", "archs: [8.6, 8.9]", REAL))
    assert {toolkit.archs for toolkit in made.toolkits.values()} == {(Arch(8, 6), Arch(8, 9))}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{12.6: true}", "{12.5: true}", "wheels.2.10.cuda.12.5: unknown CUDA 12.5; there are 12.4, 12.6, 12.8"),
        ("{12.6: true}", "{12.4: true}", "wheels.2.10.cuda.12.4: torch 2.10 was published for CUDA 12.6, 12.8; not 12"),
        ("{12.6: true}", "{12.6: false}", "wheels.2.10.cuda.12.6: torch 2.10 for CUDA 12.6 has cxx11abiTRUE; there is"),
        ("12.8: {abi: true", "12.8: {abi: FALSE", "torch.2.10.builds.12.8.abi: must be TRUE: every official torch f"),
        ("python: [3.9, 3.10]", "python: [3.9, 3.12]", "wheels.2.6.python[1]: torch 2.6 was never published for Pyth"),
        ("archs: [8.0, 90]", "archs: [8.9, 90]", "cuda.12.4.archs[0]: CUDA 12.4 cannot make 8.9; it makes 8.0, 8.6, 9"),
        (
            "archs: [8.0, 90]",
            "archs: [7.5]",
            "cuda.12.4.archs[0]: flash-attn has no kernels for 7.5; 8.0 is the oldest",
        ),
        (
            "archs: default",
            "archs: [8.9]",
            "archs: CUDA 12.4 cannot make 8.9; it makes 8.0, 8.6, 9.0; to go without it",
        ),
        ("archs: default", "archs: [75]", "archs[0]: flash-attn has no kernels for 7.5; 8.0 is the oldest it supports"),
        ("archs: default", "archs: defualt", "archs: 'defualt' is neither a list such as [8.6, 8.9] nor default (did "),
        ("archs: default", "archs: [sm_80]", "archs[0]: 'sm_80' is not a compute capability; write it like 8.6, 86"),
        ("max_jobs: 8", "max_jobs: 8\nmax_jobs: 9", "max_jobs: duplicated key; it is already on line 2"),
        ("max_jobs: 8", "max_jobs: many", "max_jobs: must be a whole number"),
        ("max_jobs: 8", "max_job: 8", "max_job: unknown key; there are archs, max_jobs, runners, gpu_test, publish,"),
        ("max_jobs: 8", "max_job: 8", "max_jobs: is missing"),
        ("python: newest", "python: newer", "gpu_test.python: must be newest, oldest or all"),
        ("newest_gcc: 13", "newest_gcc: [13]", "cuda.12.4.newest_gcc: must be a whole number"),
        (
            "python: [3.11]",
            "python: 3.9",
            "skip[0]: covers no cell: torch2.10 was published for cp310, cp311; not cp39",
        ),
        (
            "machines: [x86_64]",
            "machines: [arm64]",
            "machines[0]: 'arm64' is no machine; factory/data/platforms.toml has x86_64, aarch64",
        ),
        (
            "  aarch64: {archs: [9.0, 12.0]}",
            "  aarch64: {archs: [7.5]}",
            "platform.aarch64.archs[0]: flash-attn has no kernels for 7.5",
        ),
        (
            "torch: 2.10, python: [3.11]",
            "platform: aarch64",
            "skip[0]: covers no cell: there are cells for x86_64; not aarch64",
        ),
        ("python: [3.11]", "python: 3.8", "skip[0].python[0]: unknown Python 3.8; there are 3.9, 3.10, 3.11"),
        (", reason: because", "", "skip[0].reason: is missing"),
        (", reason: because", ", reason: ' '", "skip[0].reason: must not be empty"),
        ("torch: 2.10, python: [3.11], ", "", "skip[0]: would skip every cell; name at least one of flash_attn, cuda"),
        ("torch: [2.6, 2.10]", "torch: [2.6]", "wheels.2.10.flash_attn[0]: 2.7.4.post1 is built for torch 2.6; not"),
        ("torch: [2.6, 2.10]", "torch: 2.6", "flash_attn.2.7.4.post1.torch: must be a list such as [a, b]"),
        ("front_end: {8.0: [8.0, 9.0]}", "front_end: {8.0: [8.0], 9.0: [8.0]}", "cuda.12.4.front_end.9.0: 8.0 already"),
        ("profiles: [full]", "profiles: [ful]", "publish.profiles[0]: unknown profile ful; there are full"),
        ("release: 2.6.0", "release: 2.7.1", "torch.2.6.release: 2.7.1 is not a release of torch 2.6"),
        (
            "torch: [2.6, 2.10]}",
            "torch: [2.6, 2.10], leave_out: [../x]}",
            "flash_attn.2.7.4.post1.leave_out[0]: '../x' do",
        ),
        (
            "torch: [2.6, 2.10]}",
            "torch: [2.6, 2.10], leave_out: [/x]}",
            "flash_attn.2.7.4.post1.leave_out[0]: '/x' does",
        ),
        ("driver: 525", "driver: 525\n    compression: best", "cuda.12.4.compression: 'best' is no mode known here"),
        ("driver: 525", "driver: 525\n    compression: size", "cuda.12.4.compression: fatbinary has no such mode"),
        ("driver: 525", "driver: 525\n    compression: size", "cuda.12.6.compression: a driver of 525, which is prom"),
        ("full:", "small:", "profiles: has no profile full, the one that is built when"),
        (
            "disable: []",
            "disable: [SOFTCUP]",
            "profiles.full.disable[0]: 'SOFTCUP' is no FLASHATTENTION_DISABLE_ switc",
        ),
        (
            "front_end: {8.0: [",
            "front_end: {80: [",
            "cuda.12.4.front_end.80: '80' must be written 8.0, so that no two k",
        ),
        ("front_end: {8.0: [8.0, 9.0]}", "front_end: {8.0: [8.0], 80: [9.0]}", "cuda.12.4.front_end.80: '80' must be "),
        ("front_end: {8.0: [", "front_end: {8.0+PTX: [", "cuda.12.4.front_end.8.0+PTX: 8.0+PTX must be written 8.0: o"),
        ("8.0: [8.0, 9.0]", "8.0: [8.0, 9.0+PTX]", "cuda.12.4.front_end.8.0[1]: 9.0+PTX must be written 9.0: only"),
        (
            "8.0: [8.0, 9.0]",
            "9.0: [8.0, 9.0]",
            "cuda.12.4.front_end.9.0: nothing for 8.0 can be made of the PTX of 9.0",
        ),
        ("8.0: [8.0, 9.0]", "7.5: [8.0, 9.0]", "cuda.12.4.front_end.7.5: flash-attn has no kernels for 7.5; 8.0 is"),
        ("targets: [7.5, 8.0, 8.6", "targets: [7.5+PTX, 8.0, 8.6", "cuda.12.4.targets[0]: 7.5+PTX must be written 7.5"),
        ("oldest_arch: 8.0", "oldest_arch: 8.0+PTX", "oldest_arch: 8.0+PTX must be written 8.0"),
        ("archs: default", "archs:", "archs: must be default or a list such as [8.6, 8.9], but holds nothing"),
        (
            "2.10.0\n    cxx_standard: 17",
            "2.10.0\n    cxx_standard: 18",
            "torch.2.10.cxx_standard: C++18 is no stand",
        ),
        (
            "https://example.org/cu126",
            "https://",
            "torch.2.6.builds.12.6.index: 'https://' is neither default nor an htt",
        ),
        (
            "https://example.org/cu126",
            "https://a b/cu126",
            "torch.2.6.builds.12.6.index: 'https://a b/cu126' is neither",
        ),
        (
            "disable: []",
            "disable: [LOCAL]",
            "profiles.full.disable: must be []: wheels of full have no profile in their",
        ),
        ("runners: {build: [linux], gpu: []}", "runners:", "runners: must hold `key: value` lines, but holds nothing"),
        ('setuptools: ">=70"\n    builds:\n      12.4', "setuptools: 7x\n    builds:\n      12.4", "torch.2.6.setupt"),
    ],
)
def test_a_mistake_is_named_with_its_path(old: str, new: str, said: str) -> None:
    messages = [line.partition(": ")[2] for line in why(edited(old, new))]
    assert any(message.startswith(said) for message in messages), messages


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("newest_gcc: 13", "newest_gcc: x", "newest_gcc: x"),
        ("release: 2.10.0", "releese: 2.10.0", "releese"),
        ("    targets: [7.5, 8.0, 8.6, 9.0]\n", "    targets:\n      - 8.0\n      - 8.x\n", "- 8.x"),
        ("archs: [8.0, 90]", "archs:\n      [8.0,\n       7x]", "7x]"),
        ("oldest_arch: 8.0\n", "", "archs: default"),
    ],
)
def test_the_line_is_that_of_the_value(old: str, new: str, part: str) -> None:
    text = edited(old, new)
    assert str(line_of(part, text)) in {line.partition(": ")[0] for line in why(text)}


def test_machine_code_is_compressed_where_every_driver_promised_reads_it() -> None:
    text = edited("12.6: {<<: *cuda, front", "12.6: {<<: *cuda, minimum_driver: 550, compression: size, front")
    toolkits = load_matrix(text).toolkits
    assert {version: row.compression for version, row in toolkits.items()} == {
        "12.4": None,
        "12.6": "size",
        "12.8": None,
    }


def test_the_nearest_name_is_suggested() -> None:
    assert any(line.endswith("(did you mean newest_gcc?)") for line in why(edited("newest_gcc: 13", "newest_gc: 13")))
    assert why(edited("{12.6: true}", "{12.7: true}"))[0].endswith("(did you mean 12.4?)")


def test_every_mistake_is_told_at_once() -> None:
    text = edited("max_jobs: 8", "max_jobs: 8\nmax_jobs: 9\nmax_jobz: 1")
    text = edited("archs: [8.0, 90]", "archs: [7.0, 8.7]", text)
    text = edited("python: [3.11]", "python: 3.9", text)
    text = edited("{12.4: false, 12.6: true}", "{12.4: true, 12.6: true}", text)
    assert [line.split(": ")[1] for line in why(text)] == [
        "max_jobs",
        "max_jobz",
        "wheels.2.6.cuda.12.4",
        "skip[0]",
        "cuda.12.4.archs[0]",
        "cuda.12.4.archs[1]",
        "cuda.12.6.archs[0]",
        "cuda.12.6.archs[1]",
    ]


@pytest.mark.parametrize("index", ["https://a/", "https://a.example:8443/simple/cu126/", "https://a-b.example/%7Eme"])
def test_an_index_is_any_address(index: str) -> None:
    assert load_matrix(edited("https://example.org/cu126", index)).torch["2.6"].builds[1].index_url == index


@pytest.mark.parametrize("host", ["", "-a", "a..b", "a.", "a:port", "a?x", "a#x", "a\u00e9", "me@", "a/b c", "a\\b"])
def test_an_index_that_is_no_address_is_refused(host: str) -> None:
    text = edited('"https://example.org/cu126"', f"'https://{host}'")
    assert any("is neither default nor an https:// address" in line for line in why(text))


def test_twenty_thousand_mistakes_are_told_in_a_second() -> None:
    """A word after a word for each of them; what took 24 seconds grew with their square."""
    below = "".join(f"  profile{number}: 1\n" for number in range(20_000))
    mistakes = {
        "keys": SMALL + "".join(f"max_jobz{number}: 1\n" for number in range(20_000)),
        "keys below": edited("publish: {profiles: [full]}\n", f"publish:\n  profiles: [full]\n{below}"),
        "strange keys": SMALL + "".join(f"x{number}: 1\n" for number in range(20_000)),
        "names": edited(
            "[2.7.4.post1], cuda: {12.4", f"[{', '.join(map('9.{}'.format, range(20_000)))}], cuda: {{12.4"
        ),
        "empty skips": edited("skip:\n", "skip:\n" + "  - {reason: r}\n" * 20_000),
        "items": edited("archs: default", f"archs: [{', '.join(f'x{number}' for number in range(20_000))}]"),
        "values": edited("gpu: []", f"gpu: [{', '.join(['{}'] * 20_000)}]"),
    }
    for kind, text in mistakes.items():
        assert counted(kind, text) == 20_000


def test_thousands_of_skips_are_judged_in_a_second() -> None:
    """Each is held to every cell, and of one that covers none is said which of its words do not go together."""
    idle = "".join(f"  - {{torch: 2.6, cuda: 12.8, python: 3.10, reason: r{number}}}\n" for number in range(9_000))
    unknown = "".join(f"  - {{python: 3.{number}, reason: r}}\n" for number in range(100, 9_100))
    for kind, more in {"idle": idle, "unknown": unknown}.items():
        assert counted(f"{kind} skips", edited("skip:\n", f"skip:\n{more}")) == 9_000


def test_two_cells_of_one_name_are_refused_by_their_ids() -> None:
    text = edited("cuda: {12.6: true}", "cuda: {12.6: true, 12.8: true}")
    [line] = why(text)
    assert line == (
        f"{line_of('2.10: {flash', text)}: wheels.2.10.cuda.12.8: cu126 torch2.10 cp310 abiTRUE fa2.7.4.post1 x86_64 "
        "and cu128 torch2.10 cp310 abiTRUE fa2.7.4.post1 x86_64 would both be published as "
        "flash_attn-2.7.4.post1+cu12torch2.10cxx11abiTRUE-cp310-cp310-linux_x86_64.whl, for a name holds only the "
        "CUDA major; keep one of 12.6 and 12.8 in wheels.2.10.cuda"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: is empty; it must hold archs, max_jobs"),
        ("# only a remark\n---\n", "3: is empty"),
        ("plain words", "1: must hold `key: value` lines"),
        ("- a\n- b\n", "1: must hold `key: value` lines"),
        ("a: [b\nc: d", "2: not valid YAML"),
        ("a: b\n\tc: d", "2: not valid YAML"),
        ("a: *nowhere", "1: not valid YAML: found undefined alias"),
        ("a: b\n---\nc: d", "2: not valid YAML: expected a single document"),
        ('a: "\\UFFFFFFFF"', "1: not valid YAML"),
        ("a: b\n\0", "2: not a text file"),
        ("# \u00e9\u00e9\u00e9\na: b\n\ud800", "3: not a text file"),
        (b"a: b\n\xff\xfe", "2: not a text file"),
        (bytes(range(256)), "1: not a text file"),
        ("{" * 1500, "1: nested too deeply"),
        ("a: &a [*a]", "1: a[0]: refers to itself through an alias"),
        ("? [a]\n: b", "1: a key must be a single word or version"),
        ("a: {<<: b}", "1: a: << must name a mapping or a list of mappings"),
        (
            "a: &a [x, x, x, x]\n"
            + "\n".join(f"{c}: &{c} [{f'*{b},' * 9}]" for b, c in itertools.pairwise("abcdefgh")),
            "1:",
        ),
    ],
)
def test_what_is_no_matrix_at_all_is_refused_in_words(text: str | bytes, said: str) -> None:
    assert any(line.startswith(said) for line in why(text)), why(text)


def test_the_schema_for_editors_is_current() -> None:
    assert SCHEMA.read_text() == json_schema(), "write factory.matrix.schema.json_schema() to this file"


@pytest.mark.parametrize("text", [SMALL, REAL])
def test_the_schema_accepts_what_an_editor_reads(text: str) -> None:
    as_read = json.loads(json.dumps(yaml.safe_load(text)))
    jsonschema.validate(as_read, json.loads(SCHEMA.read_text()), cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_an_unknown_key() -> None:
    as_read = json.loads(json.dumps(yaml.safe_load(edited("max_jobs", "max_job"))))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_read, json.loads(SCHEMA.read_text()), cls=jsonschema.Draft202012Validator)


WORDS = sorted(set(re.findall(r"[\w.+-]+", SMALL)))
ODD = [
    "",
    "null",
    "~",
    "{}",
    "[]",
    "&a ",
    "*cuda",
    "<<",
    "'",
    '"',
    "!!int 3",
    "\t",
    "9" * 99,
    "\u0662.\u0664",
    "? ",
    "---",
]


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    lines = text.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        words = re.findall(r"[\w.+-]+", lines[at]) or [lines[at]]
        other = draw(st.sampled_from(WORDS + ODD) | st.text(max_size=3))
        lines[at : at + 1] = draw(
            st.sampled_from(
                [
                    [""],
                    [lines[at], lines[at]],
                    [draw(st.sampled_from(lines))],
                    ["  " + lines[at]],
                    [lines[at].replace(draw(st.sampled_from(words)), other, 1)],
                    [lines[at].partition(":")[0] + ": " + other],
                    [lines[at][: draw(st.integers(0, len(lines[at])))]],
                ]
            )
        )
    return "\n".join(lines)


def load_or_refuse(text: str) -> None:
    said: tuple[str, ...] = ("matrix.yaml:1: fine",)
    try:
        load_matrix(text)
    except MatrixError as error:
        said = error.why
    assert said
    assert all(re.match(r"matrix\.yaml:\d+: \S", line) for line in said), said


def damaged(text: str, chance: random.Random) -> str:
    """Change one to four lines of ``text`` in a way that people do, and in one that they do not."""
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        key, _, value = lines[at].partition(":")
        other = chance.choice([*WORDS, *ODD])
        kinds = ("", lines[at] * 2, chance.choice(lines), f"  {lines[at]}", f"{key}: {other}", f"{other}:{value}")
        lines[at] = chance.choice([*kinds, lines[at][: chance.randrange(len(lines[at]) + 1)]])
    return "\n".join(lines)


def test_four_hundred_damaged_files_are_loaded_or_refused_in_words() -> None:
    chance = random.Random(16)  # noqa: S311 - the same files on every machine
    files = [damaged(SMALL, chance) for _ in range(400)] + [damaged(REAL, chance) for _ in range(11)]
    for text in files:
        load_or_refuse(text)
    assert len(files) == 411


@given(mutations(SMALL))
@settings(max_examples=250, deadline=None)
def test_a_damaged_matrix_is_loaded_or_refused_in_words(text: str) -> None:
    load_or_refuse(text)


@given(mutations(REAL))
@settings(max_examples=15, deadline=None)
def test_a_damaged_large_matrix_is_loaded_or_refused_in_words(text: str) -> None:
    load_or_refuse(text)


@given(st.text() | st.binary())
@settings(deadline=None)
def test_anything_else_is_refused_in_words(text: str | bytes) -> None:
    with pytest.raises(MatrixError):
        load_matrix(text)


def with_kernels(cuda: str, makers: str) -> str:
    """Return the small matrix in which ``makers`` compile the kernels of ``cuda``."""
    old = {"12.4": "  12.4: &cuda\n", "12.8": "  12.8:\n    <<: *cuda\n"}[cuda]
    return edited(old, f"{old}    kernels: {makers}\n")


def test_the_first_toolkit_that_makes_all_architectures_compiles_the_kernels() -> None:
    text = with_kernels("12.8", "[12.4, 12.8]")
    made = load_matrix(text)
    assert made.toolkits["12.8"].kernels == ("12.4", "12.8")
    assert made.toolkits["12.4"].kernels == ("12.4",)
    for archs, maker in (("8.0 8.6", "12.4"), ("9.0+PTX", "12.4"), ("8.0 12.0", "12.8")):
        rows = cells.expand(made, archs=[Arch.parse(arch) for arch in archs.split()])
        found = {need_of(row.cell, made).cuda for row in rows if row.cell.cuda == "12.8"}
        assert found == {maker}, archs


@pytest.mark.parametrize(
    ("cuda", "makers", "complaint"),
    [
        ("12.8", "12.5", "cuda.12.8.kernels[0]: unknown CUDA 12.5; there are 12.4, 12.6, 12.8, did you mean"),
        ("12.4", "12.8", "cuda.12.4.kernels[0]: CUDA 12.8 is newer; the kernels of CUDA 12.4 can be of 12.4"),
        ("12.8", "12.4", "cuda.12.8.kernels: CUDA 12.4 cannot make 8.9+PTX, 12.0 of archs; write kernels: 12.8"),
        ("12.8", "[]", "cuda.12.8.kernels: must not be empty"),
    ],
)
def test_a_toolkit_that_cannot_compile_the_kernels_is_refused_with_its_line(
    cuda: str, makers: str, complaint: str
) -> None:
    text = with_kernels(cuda, makers)
    assert any(line.startswith(f"{line_of('kernels:', text)}: {complaint[:60]}") for line in why(text)), why(text)


def test_a_toolkit_of_another_major_or_of_newer_drivers_is_refused_for_the_kernels() -> None:
    other = edited("  12.8:\n    <<: *cuda\n", "  13.0: {<<: *cuda, kernels: 12.4}\n  12.8:\n    <<: *cuda\n")
    (line,) = [line for line in why(other) if "kernels" in line]
    assert "CUDA 12.4 is of another major; the kernels of CUDA 13.0 can be of 13.0" in line
    newer = with_kernels("12.8", "[12.6, 12.8]").replace("front_end: {}}", "front_end: {}, minimum_driver: 550}")
    (line,) = why(newer)
    assert "CUDA 12.6 needs driver 550, and CUDA 12.8 promises 525" in line


def test_one_list_of_architectures_is_held_to_the_toolkits_that_compile_kernels() -> None:
    text = with_kernels("12.8", "12.4").replace("cuda: {12.6: true}", "cuda: {12.8: true}")
    assert any(
        "archs: CUDA 12.4, which compiles the kernels of CUDA 12.8 (cuda.12.8.kernels), cannot make 12.0" in line
        for line in why(edited("archs: default", "archs: [8.0, 12.0]", text))
    )
