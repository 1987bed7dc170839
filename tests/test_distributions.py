"""README's requirements are what ``nox -s e2e_distributions`` saw, and the record is of what the matrix says."""

import pytest

from factory.kernels import fetchedcompiler
from factory.matrix.load import load as load_matrix
from factory.toolkit import mended
from tests import distributions
from tests.distributions import CUDA, ROOT, TITLES, Seen
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_bytes())
RECORD = distributions.read()


def test_readme_says_what_was_seen() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"\n\n{distributions.requirements(RECORD.seen)}\n\n" in readme


@pytest.mark.parametrize("row", RECORD.seen, ids=str)
def test_each_compiler_fared_as_the_matrix_says(row: Seen) -> None:
    assert row.result == ("compiled" if row.major <= RULES.toolkits[row.cuda].newest_gcc else "refused")


@pytest.mark.parametrize("cuda", CUDA)
@pytest.mark.parametrize("suite", TITLES)
def test_on_each_distribution_the_factory_chose_one_itself(suite: str, cuda: str) -> None:
    by = [row.by for row in RECORD.seen if (row.suite, row.cuda) == (suite, cuda)]
    assert by.count("factory") == 1
    assert "CXX" in by


def test_the_fetched_compiler_is_the_pinned_one() -> None:
    assert {row.gxx for row in RECORD.seen if row.by == "fetched"} == {fetchedcompiler.pin().release}


def test_a_header_fix_was_needed_on_one_of_them() -> None:
    """Where no glibc is so new that it clashes, equal machine code shows nothing."""
    newest = max(tuple(map(int, row.glibc.split("."))) for row in RECORD.seen)
    for fix in mended.fixes():
        assert tuple(map(int, fix.glibc.split("."))) <= newest


def test_the_record_names_releases_of_the_matrix() -> None:
    assert set(RECORD.code) == set(CUDA)
    for code in RECORD.code.values():
        assert code.flash_attn in RULES.flash_attn
        assert code.kernels > 0
        assert "_fwd_" in code.source
