from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.gpu_test.transcript import read

CASE = '{"kind":"case","group":"forward","name":"a","outcome":"passed","error":0.1,"allowed":1,"why":""}'
END = '{"kind":"end","cases":1}'


def trouble(*lines: str, status: int = 0, overran: float | None = None) -> str:
    return read("forward", lines, status=status, overran=overran).trouble


def test_a_group_that_ran_to_its_end() -> None:
    machine = '{"kind":"machine","gpu":"NVIDIA H100 80GB HBM3","capability":"9.0","driver":null,"torch":"2.11.0+cu130"}'
    timing = '{"kind":"timing","name":"bf16","ours_ms":0.5,"sdpa_ms":1,"beside_ms":null}'
    told = read("forward", [machine, "chatter", CASE, timing, END], status=0, overran=None)
    assert told.trouble == ""
    assert [case.name for case in told.cases] == ["a"]
    assert told.timings[0].sdpa_ms == 1
    assert told.machine is not None
    assert told.machine.gpu == "NVIDIA H100 80GB HBM3"


@pytest.mark.parametrize("word", ['"nan"', "NaN", '"NaN"', "Infinity"])
def test_no_number_is_a_failure(word: str) -> None:
    told = read("forward", [CASE.replace("0.1", word), END], status=0, overran=None)
    assert told.trouble == ""
    assert told.cases[0].judged == "failed"


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ([], 0, "stopped before its end"),
        ([CASE], 0, "stopped before its end"),
        ([END, CASE], 0, "stopped before its end"),
        ([CASE, END, END], 0, "stopped before its end"),
        ([CASE, CASE, END], 0, "2 cases came, it says 1"),
        ([CASE, '{"kind":"end"}'], 0, "it says None"),
        ([CASE, END], 1, "ended with status 1"),
        ([CASE], -11, "ended by signal 11 (SIGSEGV)"),
        ([CASE, END], -99, "ended by signal 99 (unknown)"),
        ([CASE[:30], END], 0, "line 1 of its output cannot be read"),
        ([CASE.replace("passed", "fine"), END], 0, "line 1 of its output cannot be read"),
        ([CASE.replace("case", "cause"), END], 0, "line 1 of its output cannot be read"),
        (['{"kind":[]}', CASE, END], 0, "line 1 of its output cannot be read"),
        ([CASE.replace("forward", "split"), END], 0, "a case of split"),
        ([CASE, '{"kind":"timing","name":"x","ours_ms":"nan","sdpa_ms":1}', END], 0, "line 2 of its output"),
    ],
)
def test_a_group_that_did_not(lines: list[str], status: int, said: str) -> None:
    assert said in trouble(*lines, status=status)


def test_overrunning_is_said_and_the_kill_that_ended_it_is_not() -> None:
    assert trouble(CASE, status=-9, overran=300.0) == "no end within 300 seconds"


JUNK = st.text() | st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
).map(json.dumps)


@given(st.lists(JUNK | st.sampled_from([CASE, END])))
def test_whatever_is_printed_only_the_whole_is_believed(lines: list[str]) -> None:
    told = read("forward", lines, status=0, overran=None)
    ours = [line for line in lines if line.startswith("{")]
    assert (told.trouble == "") == (ours == [CASE, END])
