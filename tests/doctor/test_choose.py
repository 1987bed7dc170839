from __future__ import annotations

from dataclasses import replace

from factory.doctor.choose import newest_fitting
from factory.doctor.facts import Facts, Fetchable, Missing
from factory.matrix.cells import expand
from factory.matrix.model import Cell, State
from tests.doctorfacts import FACTS, GPU, PYTHON, RULES, TORCH, cell, facts

CELLS = [row.cell for row in expand(RULES) if row.state is State.BUILD]
NONE = Missing(what="none")
BARE = facts(python=replace(PYTHON, torch=None), gpus=NONE)


def chosen(machine: Facts) -> Cell:
    return newest_fitting(CELLS, machine, RULES)


def test_the_torch_that_is_installed_decides() -> None:
    assert chosen(FACTS) == cell()


def test_a_torch_of_another_abi_is_not_that_torch() -> None:
    other = facts(python=replace(PYTHON, torch=replace(TORCH, cxx11abi=True)))
    assert chosen(other).torch != "2.6"


def test_without_torch_the_newest() -> None:
    newest = list(RULES.choices)[-1]
    assert chosen(BARE).torch == newest


def test_the_python_on_path_goes_before_a_newer_one() -> None:
    assert chosen(replace(BARE, python=replace(PYTHON, torch=None, version="3.12"))).python == "3.12"


def test_an_old_driver_means_an_older_cuda() -> None:
    assert RULES.toolkits[chosen(replace(BARE, gpus=(replace(GPU, driver="550.54"),))).cuda].major == 12


def test_a_python_that_is_not_here_is_not_chosen() -> None:
    only = dict.fromkeys(FACTS.pythons, NONE) | {"3.9": "/usr/bin/python3.9"}
    assert chosen(replace(BARE, pythons=only)).python == "3.9"


def test_a_python_that_is_here_goes_before_a_newer_one_that_uv_would_fetch() -> None:
    fetched = dict.fromkeys(FACTS.pythons, Fetchable(by="/bin/uv"))
    machine = replace(BARE, python=NONE)
    assert chosen(replace(machine, pythons=fetched | {"3.11": "/usr/bin/python3.11"})).python == "3.11"
    assert (
        chosen(replace(machine, pythons=dict.fromkeys(FACTS.pythons, NONE) | {"3.12": fetched["3.12"]})).python
        == "3.12"
    )


def test_with_nothing_there_is_still_an_answer() -> None:
    nothing = replace(BARE, pythons=dict.fromkeys(FACTS.pythons, NONE), compilers=dict.fromkeys(RULES.toolkits, NONE))
    assert chosen(nothing) in CELLS
