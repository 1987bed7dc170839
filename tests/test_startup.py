import json
from pathlib import Path

import pytest

from bench.startup import Startup, compared, main


def taken(process: float, first: float, *, slower: float = 0) -> Startup:
    told = {"import": 5.0, "first": {"a": first, "b": first + slower}, "steady": {"a": 1.0, "b": 3.0}}
    return Startup.read(json.dumps(told), process=process)


def test_medians_over_processes_and_means_over_kernels_are_compared() -> None:
    plain = [taken(1000, 10), taken(9000, 90), taken(1200, 11)]
    compressed = [taken(1300, 12, slower=8), taken(1100, 12, slower=8), taken(1320, 12, slower=8)]
    assert [row.line() for row in compared(plain, compressed)] == [
        "process: 1200.000 ms plain, 1300.000 ms compressed: 1.083, +100.000 ms",
        "import flash_attn: 5.000 ms plain, 5.000 ms compressed: 1.000, +0.000 ms",
        "first call, mean of 2 kernels: 11.000 ms plain, 16.000 ms compressed: 1.455, +5.000 ms",
        "first call, the worst: b: 11.000 ms plain, 20.000 ms compressed: 1.818, +9.000 ms",
        "later calls, mean of 2 kernels: 2.000 ms plain, 2.000 ms compressed: 1.000, +0.000 ms",
    ]


def test_what_is_no_unpacked_wheel_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), str(tmp_path)])
    assert caught.value.code == 2
    assert "is no directory with an unpacked flash_attn wheel" in capsys.readouterr().err
