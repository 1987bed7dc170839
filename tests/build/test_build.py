from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from factory.build.build import Order, build
from factory.build.container.kernels import Portion
from factory.errors import AuditError, FactoryError, KernelError
from factory.kernels.page import Tally
from factory.matrix import cells, selector
from factory.matrix.kernelset import need_of
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell
from factory.matrix.wheelname import wheel_filename
from factory.output.log import Log
from factory.session import Session
from factory.system import machine
from factory.wheel.facts import Expected
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_text())


class Scribe:
    """A backend that writes down what it is asked for; kernels of ``broken`` fail, and no wheel it makes is one."""

    def __init__(self, broken: str) -> None:
        self.broken = broken
        self.asked: list[str] = []

    def kernels(self, cells: Sequence[Cell], portion: Portion) -> Tally:
        assert portion == Portion()
        self.asked.append(f"kernels {cells[0].cuda}")
        if cells[0].cuda == self.broken:
            raise KernelError("a.cu did not compile")
        name = str(need_of(cells[0], RULES))
        return Tally(name=name, units=0, pooled=(), fetched=(), compiled=(), left=0, seconds=0)

    def wheel(self, cell: Cell, dist: Path) -> Path:
        self.asked.append(f"wheel {cell.cuda} {cell.python}")
        made = dist / wheel_filename(cell)
        made.write_bytes(b"no wheel")
        return made

    def expected(self, cell: Cell) -> Expected:
        self.asked.append(f"expected {cell.cuda} {cell.python}")
        return Expected.of_cell(cell)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    planned = cells.expand(RULES)
    asked = selector.parse(("cu124", "cu126", "torch2.6", "cp311", "cp312"), RULES)
    rows = sorted(selector.select(planned, asked), key=lambda row: row.cell)
    log = Log(Console(file=io.StringIO()))
    session = Session(cache=tmp_path / "cache", env={}, log=log, limits=machine.limits({}, max_jobs=1))
    return Order(cells=tuple(row.cell for row in rows), matrix=RULES, session=session)


def test_a_set_that_fails_takes_its_own_cells_along_and_no_others(order: Order, tmp_path: Path) -> None:
    scribe, told = Scribe("12.4"), list[FactoryError]()
    outcome = build(order, scribe, tmp_path, tell=told.append)
    assert scribe.asked == [
        "kernels 12.4",
        "kernels 12.6",
        *("wheel 12.6 3.11", "expected 12.6 3.11", "wheel 12.6 3.12", "expected 12.6 3.12"),
    ]
    assert [attempt.cell for attempt in outcome.attempts] == list(order.cells)
    assert [type(error) for error in outcome.failures] == [KernelError, KernelError, AuditError, AuditError]
    assert [type(error) for error in told] == [KernelError, AuditError, AuditError]
    assert len(outcome.tallies) == 1
