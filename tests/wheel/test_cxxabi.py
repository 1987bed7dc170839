from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.wheel.cxxabi import cxx11abi

# Names that torch 2.6 (FALSE) and torch 2.7 (TRUE) export, and that a compiled flash_api.cpp asks for.
OLD = [
    "_ZN3c106detail14torchCheckFailEPKcS2_jRKSs",
    "_ZN3c105ErrorC1ENS_14SourceLocationESs",
    "_ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RKSs",
]
NEW = [
    "_ZN3c106detail14torchCheckFailEPKcS2_jRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
    "_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
]
SILENT = [
    "_ZN3c106detail14torchCheckFailEPKcS2_jS2_",
    "_ZN3c104cuda29c10_cuda_check_implementationEiPKcS2_ib",
    "_ZN2at9fooSsBarSEv",  # Ss inside an identifier
    "_ZNSs4_Rep20_S_empty_rep_storageE",  # libstdc++ exports both kinds
    "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm",
    "PyErr_SetString",
    "c10Ss",
    "",
]


@pytest.mark.parametrize("symbol", OLD)
def test_old_strings(symbol: str) -> None:
    assert cxx11abi([symbol, *SILENT[:3]]) == {False}


@pytest.mark.parametrize("symbol", NEW)
def test_new_strings(symbol: str) -> None:
    assert cxx11abi([symbol, *SILENT[:3]]) == {True}


def test_a_mixture_is_seen() -> None:
    assert cxx11abi([*OLD, *NEW]) == {True, False}


@pytest.mark.parametrize("symbol", SILENT)
def test_what_tells_nothing(symbol: str) -> None:
    assert cxx11abi([symbol]) == frozenset()


def test_an_argument_after_a_literal_is_seen() -> None:
    assert cxx11abi(["_ZN2at4funcILi11EEEvSs"]) == {False}


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
def test_any_symbol_is_read(symbol: str) -> None:
    assert cxx11abi([f"_Z{symbol}"]) <= {True, False}
