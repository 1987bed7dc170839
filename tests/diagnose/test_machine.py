from pathlib import Path

from factory.diagnose import machine as diagnosing
from factory.diagnose.cell import Settled
from factory.kernels import costs
from factory.matrix.advice import Facts
from factory.system import machine, process

LOGS = Path(__file__).parents[1] / "data" / "logs"


def test_a_build_is_diagnosed_with_this_machines_numbers(tmp_path: Path) -> None:
    found = diagnosing.of_build(
        LOGS / "memory-cgroup.log", cache=tmp_path / "not" / "there", cell="cu124 torch2.6 cp310", peak=1
    )
    assert found.cause == diagnosing.MEMORY
    assert f"This machine has {machine.read().memory / 1e9:.1f} GB" in found.what
    assert "nox -s build -- cu124 torch2.6 cp310" in found.next


def test_a_unit_that_was_killed_alone_needs_more_than_fewer_jobs(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("Killed\n")
    found = diagnosing.of_unit(log, cache=tmp_path, peak=1, alone=True)
    assert "`MAX_JOBS=1 nox -s build -- CELL`, after freeing memory" in found.next


def test_the_command_at_the_head_of_a_log_is_no_sign_of_anything(tmp_path: Path) -> None:
    paths = (f"-I/home/fatal error: no space left on device/{number}" for number in range(400))
    command = process.shown(["nvcc", *paths, "-c", "a.cu", "-o", "unit.o"])
    log = tmp_path / "a.log"
    log.write_text(command)
    assert not diagnosing.of_unit(log, cache=tmp_path, peak=1, alone=False).known
    log.write_text(f"{command}a.cu(1): error: oops\n")
    assert diagnosing.of_unit(log, cache=tmp_path, peak=1, alone=False).why[0] == "line 2: a.cu(1): error: oops"


def test_the_largest_unit_of_upstream_is_reckoned_with(tmp_path: Path) -> None:
    found = diagnosing.of_blocks([b"Killed\n"], settle=lambda _: Settled(), cache=tmp_path, peak=costs.table().peak)
    assert "takes up to 6.8 GB" in found.what


def test_the_cell_is_settled_from_what_the_log_says(tmp_path: Path) -> None:
    asked: list[Facts] = []

    def settle(facts: Facts) -> Settled:
        asked.append(facts)
        return Settled(cell="cu130")

    found = diagnosing.of_blocks([(LOGS / "unknown.log").read_bytes()], settle=settle, cache=tmp_path, peak=1)
    assert [(one.cuda, one.series, one.python, one.flash_attn) for one in asked] == [
        ("12.4", "2.6", "3.10", "2.7.4.post1")
    ]
    assert "nox -s build -- cu130" in found.next
