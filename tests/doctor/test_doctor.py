from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from factory.doctor import doctor
from factory.doctor.doctor import Asked, Edges
from factory.doctor.facts import Facts, Gpu, Missing
from factory.doctor.result import Purpose, Section
from factory.doctor.result import State as Found
from factory.errors import UnfitError
from factory.kernels import costs
from factory.matrix.cells import expand
from factory.matrix.model import Cell, State
from factory.output.log import Log
from tests.doctorfacts import FACTS, GUIDE, NEEDS, RULES, SUPPLY, cell, facts, line

NONE = Missing(what="there is none", remedy="Get one.")
BARE = facts(nvcc=NONE, home=NONE, toolkits={}, python=NONE)
CHOSEN = tuple(row.cell for row in expand(RULES) if row.state is State.BUILD)


def checked(machine: Facts, *cells: Cell, guide: bool = False) -> tuple[Section, ...]:
    edges = Edges(look=lambda: machine, supply=lambda _: SUPPLY, wants=lambda *_: (), costs=costs.table())
    return doctor.doctor(Asked(cells=cells or CHOSEN, named=bool(cells), guide=guide), RULES, edges)


def shown(sections: tuple[Section, ...], path: Path, **options: bool) -> str:
    with path.open("w") as file:
        log = Log(Console(file=file, width=40, **options))  # type: ignore[arg-type]  # a table of flags
        for line in doctor.lines(sections):
            log.line(line)
    return path.read_text()


def test_the_guide_s_numbers_are_those_of_the_guide() -> None:
    assert str(GUIDE.cuda) == "12.1 or newer, 12.4 or newer recommended"
    assert str(GUIDE.torch) == "2.6.0 or newer recommended"
    assert str(GUIDE.python) == "3.9 or newer, 3.10 or newer recommended"
    assert (GUIDE.cudnn, GUIDE.max_jobs) == ("9.8.0", 32)
    assert set(GUIDE.tools) <= set(GUIDE.install_tools.split())


def test_a_named_cell_is_checked_for_the_factory_and_by_hand_where_that_is_asked_for() -> None:
    (own,) = checked(BARE, cell())
    assert (own.purpose, own.against) == (Purpose.FACTORY, cell().id)
    doctor.judge((own,))
    (hand,) = checked(BARE, cell(), guide=True)
    assert (hand.purpose, hand.against) == (Purpose.HAND, cell().id)
    assert hand.problems


def test_without_a_cell_the_torch_on_path_names_it() -> None:
    (own,) = checked(FACTS)
    assert own.against == cell().id


def test_a_gpu_and_a_driver_that_share_one_cuda_get_a_cell_of_that() -> None:
    rtx_5090 = Gpu(name="NVIDIA GeForce RTX 5090", capability="12.0", driver="576.88")
    (own,) = checked(facts(python=NONE, gpus=(rtx_5090,)))
    assert own.against.startswith("cu128 torch2.11 ")
    assert line(own, "GPU").state is Found.OK


def test_a_machine_of_another_kind_is_the_first_thing_said(tmp_path: Path) -> None:
    sections = checked(
        facts(machine="aarch64", gpus=(Gpu(name="GB10", capability="12.1", driver="580.159.03"),)), cell()
    )
    first = shown(sections, tmp_path / "out").splitlines()[1]
    assert first.split()[:2] == ["problem", "machine"]
    assert "this is aarch64" in first


def test_the_guide_alone_decides_itself() -> None:
    sections = checked(BARE, guide=True)
    with pytest.raises(UnfitError, match="not ready for the guide's recommended environment") as caught:
        doctor.judge(sections)
    assert any(line.startswith("nvcc: ") for line in caught.value.why)
    assert caught.value.remedy.startswith("Install CUDA 12.4")


def test_of_several_cells_the_one_that_fits() -> None:
    wanted = cell("cu124", "torch2.6", "cp312")
    machine = facts(python=NONE, pythons=dict.fromkeys(FACTS.pythons, NONE) | {"3.12": "/usr/bin/python3.12"})
    cells = [one for one in CHOSEN if (one.torch, one.cuda) == ("2.6", "12.4")]
    assert checked(machine, *cells)[0].against == wanted.id


def test_a_lean_profile_takes_less_memory() -> None:
    assert doctor.needs("smoke", costs.table()).unit < NEEDS.unit
    assert doctor.needs("mine", costs.table()).unit == NEEDS.unit


def test_lines_are_plain_where_there_is_no_terminal(tmp_path: Path) -> None:
    text = shown(checked(BARE, cell()), tmp_path / "own")
    assert "  ok       torch          torch 2.6.0 for CUDA 12.4 is in the cache" in text.splitlines()
    text = shown(checked(BARE, cell(), guide=True), tmp_path / "hand")
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == f"for building by hand as the guide does: {cell().id}"
    at = lines.index("  problem  nvcc           there is none")
    assert lines[at + 1].strip() == "-> the same"
    states = [text.split()[0] for text in lines[1:-1] if text.strip() and "->" not in text]
    assert states == sorted(states, key=["problem", "warning", "ok"].index)


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    sections = checked(FACTS, cell())
    assert "\x1b[32m  ok" in shown(sections, tmp_path / "out", force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in shown(sections, tmp_path / "out", force_terminal=True)


def test_what_looks_like_markup_is_text(tmp_path: Path) -> None:
    odd = facts(programs={"git": "/[bold]/git"})
    assert "/[bold]/git, to know" in shown(checked(odd, cell()), tmp_path / "out")
