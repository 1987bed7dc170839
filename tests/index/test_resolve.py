from __future__ import annotations

import ast
import itertools
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from factory.errors import CellError, NoWheelError, SelectorError
from factory.index import rules
from factory.index.published import Published
from factory.index.resolve import resolve
from factory.index.served import SITE, flash_attn_wheel
from factory.index.served.flash_attn_wheel import Environment, UnknownTokenError
from factory.matrix import selector
from factory.matrix.arch import Arch
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Matrix
from tests.frozen import MATRIX
from tests.samplewheels import many, wheel

HERE = Environment(
    python="3.10",
    torch="2.6",
    cuda="12.4",
    cxx11abi=False,
    machine="x86_64",
    glibc="2.35",
    gpus=("9.0",),
    driver=550,
)
MATRIX_ITSELF = load_matrix(MATRIX.read_bytes())
RULES = rules.table(MATRIX_ITSELF)
WHEELS = [
    wheel(),
    wheel("2.8.3.post2"),
    wheel("2.8.3.post2", cuda="12.6", abi=True),
    wheel("2.8.3.post2", python="3.11"),
    wheel("2.8.3.post2", torch="2.9", cuda="12.8", abi=True),
    wheel("2.8.3.post2", torch="2.9", cuda="13.0", abi=True),
    wheel("2.7.4.post1", profile="smoke"),
]


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return MATRIX_ITSELF


def refused(environment: Environment, matrix: Matrix, wheels: list[Published] | None = None) -> NoWheelError:
    with pytest.raises(NoWheelError) as caught:
        resolve(environment, WHEELS if wheels is None else wheels, matrix)
    return caught.value


def test_this_machine_gets_the_newest_flash_attn_that_fits(matrix: Matrix) -> None:
    assert resolve(HERE, WHEELS, matrix) == wheel("2.8.3.post2")
    assert resolve(replace(HERE, flash_attn="2.7.4.post1"), WHEELS, matrix) == wheel()
    assert resolve(replace(HERE, profile="smoke"), WHEELS, matrix) == wheel(profile="smoke")


def test_another_minor_of_the_same_cuda_fits(matrix: Matrix) -> None:
    there = replace(HERE, torch="2.9", cuda="12.6", cxx11abi=True)
    assert resolve(there, WHEELS, matrix) == wheel("2.8.3.post2", torch="2.9", cuda="12.8", abi=True)


def test_the_cuda_of_a_torch_tells_its_abi(matrix: Matrix) -> None:
    for cuda, abi in (("cu124", False), ("cu126", True)):
        found = resolve(flash_attn_wheel.parse_tokens([cuda, "torch2.6", "cp310"]), WHEELS, matrix)
        assert found.name.cxx11abi is abi


def test_what_is_still_open_must_be_named(matrix: Matrix) -> None:
    error = refused(flash_attn_wheel.parse_tokens(["cu12", "torch2.6"]), matrix)
    assert error.what == "more than one wheel fits"
    assert error.why[:2] == ("Python: name one of cp310 cp311", "C++ ABI: name one of abiFALSE abiTRUE")


@pytest.mark.parametrize(
    ("changed", "line", "remedy"),
    [
        (
            {"torch": "2.8", "cuda": "12.8", "cxx11abi": True},
            "torch 2.8 has no wheel here, there is 2.6, 2.9",
            "Build it: nox -s build -- cu128 torch2.8 cp310 abiTRUE",
        ),
        (
            {"python": "3.13"},
            "Python 3.13 has no wheel here, there is 3.10, 3.11",
            "Build it: nox -s build -- cu124 torch2.6 cp313 abiFALSE",
        ),
        ({"python": "3.13t"}, "Python 3.13t has no wheel here, there is 3.10, 3.11", "It cannot be built"),
        ({"cuda": "11.8"}, "CUDA 11.8 has no wheel here, there is 12", "It cannot be built from matrix.yaml"),
        (
            {"glibc": "2.17"},
            "glibc 2.17 has no wheel here, there is 2.28 or newer",
            "Build it: nox -s build -- cu124 torch2.6 cp310 abiFALSE --backend host",
        ),
        (
            {"gpus": ("10.0",)},
            "GPU 10.0 has no wheel here, there is sm_80 sm_90",
            "It cannot be built from matrix.yaml: ",
        ),
        ({"gpus": ("7.5",)}, "GPU 7.5 has no wheel here", "It cannot be built from matrix.yaml: "),
        ({"driver": 470}, "driver 470 has no wheel here, there is 525 or newer for CUDA 12", "Building would not help"),
        (
            {"machine": "aarch64"},
            "platform aarch64 has no wheel here, there is linux_x86_64",
            "It cannot be built from matrix.yaml: torch 2.6, CUDA 12.4, C++ ABI cxx11abiFALSE goes with machine x86_64",
        ),
        ({"flash_attn": "2.8.0"}, "flash-attn 2.8.0 has no wheel here", "It cannot be built"),
        ({"profile": "inference"}, "profile inference has no wheel here", "Build it: nox -s build -- cu124 torch2.6"),
    ],
)
def test_the_axis_that_misses_is_named(changed: dict[str, object], line: str, remedy: str, matrix: Matrix) -> None:
    error = refused(replace(HERE, **changed), matrix)  # type: ignore[arg-type]
    assert error.what == "no published wheel fits"
    assert any(told.startswith(line) for told in error.why), error.why
    assert error.remedy.startswith(remedy), error.remedy
    assert any(told.startswith("near: flash_attn-") for told in error.why)


def test_a_gpu_that_no_wheel_has_kernels_for_is_asked_for(matrix: Matrix) -> None:
    only_hopper = [wheel(archs=("sm_90",))]
    error = refused(replace(HERE, gpus=("8.9",)), matrix, only_hopper)
    assert error.remedy == "Build it: nox -s build -- cu124 torch2.6 cp310 abiFALSE --archs 8.9"


def test_axes_that_miss_together_are_told_together(matrix: Matrix) -> None:
    error = refused(replace(HERE, torch="2.5", python="3.12"), matrix, [wheel()])
    assert error.why[0] == "Python 3.12 has no wheel here, there is 3.10; and torch 2.5 has no wheel here, there is 2.6"


def test_a_withdrawn_wheel_is_never_given(matrix: Matrix) -> None:
    wheels = [wheel("2.8.3.post2", yanked="wrong"), wheel()]
    assert resolve(HERE, wheels, matrix) == wheel()
    assert refused(HERE, matrix, wheels[:1]).why == ("the index has no wheels",)


@pytest.mark.parametrize(
    ("code", "runs", "does_not"),
    [
        ("sm_80", ["8.0", "8.6", "8.9"], ["7.5", "9.0", "10.0"]),
        ("sm_86", ["8.6", "8.9"], ["8.0"]),
        ("sm_90a", ["9.0"], ["9.1", "10.0"]),
        ("sm_100f", ["10.0", "10.3"], ["12.0", "9.0"]),
        ("sm_120", ["12.0", "12.1"], ["10.0", "11.0"]),
        ("compute_80", ["8.0", "8.9", "9.0", "12.0"], ["7.5"]),
        ("compute_90a", ["9.0"], ["10.0"]),
        ("compute_100f", ["10.3"], ["12.0"]),
    ],
)
def test_which_gpu_runs_which_code(code: str, runs: list[str], does_not: list[str]) -> None:
    assert [gpu for gpu in runs + does_not if flash_attn_wheel.runs_on(code, gpu)] == runs


def test_tokens_are_read_in_any_order_and_letter_case() -> None:
    assert flash_attn_wheel.parse_tokens(
        ["CP310 TORCH2.6.0", "abifalse", "fa2.7.4.post1", "cu124", "x86_64"]
    ) == Environment(
        python="3.10", torch="2.6", cuda="12.4", cxx11abi=False, flash_attn="2.7.4.post1", machine="x86_64"
    )
    assert flash_attn_wheel.parse_tokens(["cu13"]).cuda == "13"


@pytest.mark.parametrize("tokens", [["torch2"], ["cuda12.4"], ["cu1"], ["cp310", "cp311"], ["abi"], ["--archs"]])
def test_what_is_no_token_is_refused(tokens: list[str]) -> None:
    with pytest.raises(UnknownTokenError, match="Tokens look like: cu124"):
        flash_attn_wheel.parse_tokens(tokens)


@settings(deadline=None)
@given(st.sampled_from(WHEELS))
def test_a_cells_own_tokens_give_its_wheel(one: Published) -> None:
    name = one.name
    tokens = [
        f"cu{str(one.cuda).replace('.', '')}",
        f"torch{name.torch}",
        f"cp{name.python.replace('.', '')}",
        f"abi{name.cxx11abi}",
        f"fa{name.version}",
    ]
    answer = flash_attn_wheel.resolve(
        replace(flash_attn_wheel.parse_tokens(tokens), profile=name.profile), [row.row for row in WHEELS], RULES
    )
    assert answer.wheel == one.row


ENVIRONMENTS = st.builds(
    Environment,
    python=st.sampled_from([None, "3.9", "3.10", "3.15", "3.13t"]),
    torch=st.sampled_from([None, "2.4", "2.10", "2.99"]),
    cuda=st.sampled_from([None, "12", "12.4", "12.8", "13.0", "11.8"]),
    cxx11abi=st.sampled_from([None, True, False]),
    flash_attn=st.sampled_from([None, "2.8.0", "2.8.19", "9.9"]),
    machine=st.sampled_from([None, "x86_64", "aarch64"]),
    glibc=st.sampled_from([None, "2.17", "2.28", "2.40"]),
    gpus=st.sampled_from([(), ("9.0",), ("8.6", "9.0"), ("7.5",), ("10.0",)]),
    driver=st.sampled_from([None, 470, 550, 600]),
)


@settings(deadline=None)
@given(ENVIRONMENTS, st.lists(st.sampled_from(many(2000)), unique=True, max_size=30))
def test_there_is_an_answer_or_a_reason(environment: Environment, wheels: list[Published]) -> None:
    rows = [one.row for one in wheels]
    fitting = [row for row in rows if not flash_attn_wheel.missed(row, environment, RULES)]
    answer = flash_attn_wheel.resolve(environment, rows, RULES)
    assert (answer.wheel is None) == bool(answer.missing)
    assert answer.several <= bool(fitting)
    if answer.wheel is not None:
        assert answer.wheel in fitting
    elif not answer.several:
        assert not fitting
        fewest = min((len(flash_attn_wheel.missed(row, environment, RULES)) for row in rows), default=0)
        assert all(len(flash_attn_wheel.missed(row, environment, RULES)) == fewest for row in answer.nearest)
        assert bool(answer.nearest) == bool(rows)


@settings(deadline=None)
@given(ENVIRONMENTS, st.permutations(many(2000)[::100]))
def test_the_order_of_the_list_changes_nothing(environment: Environment, wheels: list[Published]) -> None:
    assert flash_attn_wheel.resolve(environment, [one.row for one in wheels], RULES).wheel == (
        flash_attn_wheel.resolve(
            environment, [one.row for one in sorted(wheels, key=lambda one: one.filename)], RULES
        ).wheel
    )


@settings(deadline=None, max_examples=60)
@given(ENVIRONMENTS, st.sampled_from(["full", "inference", "tiny"]), st.lists(st.sampled_from(many(2000)), max_size=3))
def test_a_command_is_given_for_what_the_plan_can_build_and_for_nothing_else(
    environment: Environment, profile: str, wheels: list[Published]
) -> None:
    answer = flash_attn_wheel.resolve(replace(environment, profile=profile), [one.row for one in wheels], RULES)
    assert not (answer.build and answer.unbuildable)
    if answer.build:
        words = answer.build.split()
        options = dict(itertools.pairwise(words))
        archs = [Arch.parse(one) for one in options["--archs"].split(",")] if "--archs" in options else None
        planned = expand(MATRIX_ITSELF, profile=options.get("--profile", "full"), archs=archs)
        assert selector.select(planned, selector.parse(answer.build.split(" --")[0].split(), MATRIX_ITSELF))
    elif answer.unbuildable and profile in MATRIX_ITSELF.profiles:
        tokens = [f"cu{environment.cuda}", f"torch{environment.torch}", f"cp{environment.python}"]
        tokens = [token if token.startswith("torch") else token.replace(".", "") for token in tokens]
        tokens += [] if environment.cxx11abi is None else [f"abi{environment.cxx11abi}"]
        tokens += [f"fa{environment.flash_attn}"] if environment.flash_attn else []
        tokens += [environment.machine] if environment.machine else []
        archs = [Arch.parse(one) for one in environment.gpus] if environment.gpus else None
        with pytest.raises((SelectorError, CellError)):
            selector.select(expand(MATRIX_ITSELF, archs=archs), selector.parse(tokens, MATRIX_ITSELF))


def test_a_torch_of_a_cuda_without_a_toolkit_is_built_for_with_the_next_of_its_major(matrix: Matrix) -> None:
    error = refused(replace(HERE, torch="2.5", cuda="12.1"), matrix)
    assert error.remedy == "Build it: nox -s build -- cu124 torch2.5 cp310 abiFALSE"


VERSIONS = st.from_regex(r"[0-9]\.[0-9]{1,2}\.[0-9](rc[0-9])?(\.post[0-9])?", fullmatch=True)


@settings(deadline=None)
@given(VERSIONS, VERSIONS)
def test_the_newest_is_the_newest_under_pep_440(left: str, right: str) -> None:
    assume(Version(left) != Version(right))
    rows = [wheel(left).row, wheel(right).row]
    answer = flash_attn_wheel.resolve(HERE, rows, RULES)
    assert answer.wheel is not None
    assert answer.wheel["flash_attn"] == str(max(Version(left), Version(right)))


def test_the_resolver_is_python_3_9() -> None:
    source = (SITE / "flash_attn_wheel.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    imported = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not any(str(name).startswith("factory") for name in imported)
