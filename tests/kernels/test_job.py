from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from factory.kernels.job import Cross, Job, Todo, todo
from factory.kernels.unit import Stage, Unit
from factory.matrix.arch import Arch

A80, A89, A90, A120 = Arch(8, 0), Arch(8, 9), Arch(9, 0), Arch(12, 0)
REAL = [A80, A89, A90, Arch(9, 0, "a"), A120]


def stage(virtual: Arch, real: list[Arch], *, embedded: bool) -> Stage:
    ptx = f"compute_{virtual.number}"
    code = tuple((arch, f"{ptx} sm_{arch.number}") for arch in real)
    return Stage(virtual=virtual, ptx=ptx, embedded=embedded, code=code)


@st.composite
def some_units(draw: st.DrawFn) -> Unit:
    """A unit of one to three passes; a pass without machine code is there for its PTX."""
    virtuals = draw(st.lists(st.sampled_from([A80, A90, A120]), min_size=1, max_size=3, unique=True))
    groups = [draw(st.lists(st.sampled_from(REAL), max_size=3, unique=True)) for _ in virtuals]
    stages = [
        stage(virtual, real, embedded=not real or draw(st.booleans()))
        for virtual, real in zip(virtuals, groups, strict=True)
    ]
    native = draw(st.sampled_from([None, "native"]))
    return Unit(source="src/a.cu", host="host", stub="stub", native=native, stages=tuple(stages))


def parts(unit: Unit) -> set[str]:
    return set(unit.made())


def with_some_here(unit: Unit) -> st.SearchStrategy[tuple[Unit, set[str]]]:
    return st.tuples(st.just(unit), st.sets(st.sampled_from(sorted(parts(unit)))))


UNITS = some_units()
CASES = UNITS.flatmap(with_some_here)


def front_end_makes(left: Todo) -> list[str]:
    made = [key for one in left.front_end for key in (one.ptx, *(key for _, key in one.code))]
    return [*made, "stub"] if left.front_end else made


def host_made(unit: Unit, left: Todo) -> list[str]:
    return ["host"] if left.cross or (left.front_end and unit.native is None) else []


def assembler_makes(left: Todo) -> list[str]:
    return [key for one in left.from_ptx for _, key in one.code]


@given(CASES)
def test_what_is_to_do_makes_all_that_is_wanted(case: tuple[Unit, set[str]]) -> None:
    unit, here = case
    left = todo(unit, here.__contains__)
    after_front_end = here | set(front_end_makes(left))
    assert {one.ptx for one in left.from_ptx} <= after_front_end
    assert not left.cross or unit.stub in after_front_end
    assert set(unit.wanted()) <= after_front_end | set(assembler_makes(left)) | set(host_made(unit, left))


@given(CASES)
def test_machine_code_that_is_here_is_never_made_again(case: tuple[Unit, set[str]]) -> None:
    unit, here = case
    left = todo(unit, here.__contains__)
    code = [key for one in (*left.front_end, *left.from_ptx) for _, key in one.code]
    assert here.isdisjoint(code)
    assert len(code) == len(set(code))


@given(CASES)
def test_no_pass_is_made_whose_ptx_is_here_but_one_for_the_host_code(case: tuple[Unit, set[str]]) -> None:
    unit, here = case
    left = todo(unit, here.__contains__)
    again = [one for one in left.front_end if one.ptx in here]
    assert len(again) <= ("host" not in here)
    assert not (again and unit.native and unit.stub in here)
    assert not again or len(left.front_end) == 1


@given(UNITS)
def test_nothing_is_to_do_when_all_wanted_is_here(unit: Unit) -> None:
    assert todo(unit, set(unit.wanted()).__contains__) == Todo(front_end=(), from_ptx=())


@given(CASES)
def test_host_code_alone_is_what_makes_no_machine_code(case: tuple[Unit, set[str]]) -> None:
    unit, here = case
    left = todo(unit, here.__contains__)
    assert left.host_alone == (not front_end_makes(left) and not assembler_makes(left))


@given(UNITS, st.data())
def test_with_host_and_ptx_here_only_the_assembler_runs(unit: Unit, data: st.DataObject) -> None:
    here = {"host", *(one.ptx for one in unit.stages)}
    here |= data.draw(st.sets(st.sampled_from(sorted(parts(unit)))))
    assert todo(unit, here.__contains__).front_end == ()


def test_one_more_architecture_of_a_pass_is_that_one_only() -> None:
    before, after = stage(A80, [A80], embedded=False), stage(A80, [A80, A90], embedded=False)
    unit = Unit(source="a.cu", host="host", stub="stub", stages=(after,))
    here = {"host", before.ptx, *(key for _, key in before.code)}
    only = replace(after, code=((A90, "compute_80 sm_90"),))
    assert todo(unit, here.__contains__) == Todo(front_end=(), from_ptx=(only,))


def test_one_more_pass_leaves_the_other_alone() -> None:
    old, new = stage(A80, [A80], embedded=False), stage(A120, [A120], embedded=False)
    unit = Unit(source="a.cu", host="host", stub="stub", stages=(old, new))
    here = {"host", old.ptx, "compute_80 sm_80"}
    assert todo(unit, here.__contains__) == Todo(front_end=(new,), from_ptx=())


@given(UNITS)
def test_a_job_is_read_back_as_it_was_written(unit: Unit) -> None:
    cross = unit.native and Cross(nvcc=("nvcc", "-ccbin", "other"), fatbinary="/bin/fatbinary", objcopy="other")
    nvcc = ("nvcc", "-O3", '-DX="é"')
    job = Job(unit=unit, profile="smoke", pool="/p", nvcc=nvcc, objcopy="objcopy", cwd="/c", cross=cross or None)
    assert Job.from_json(job.to_json()) == job
    assert job.key == (unit.native or "host")
