from pathlib import Path

import pytest

from factory.system.paths import below, child

ROOT = Path("/root")


@pytest.mark.parametrize("name", ["a", "a/b", "./a", "a//b", "a b", "..a", "ü"])
def test_what_leads_below(name: str) -> None:
    assert below(ROOT, name).is_relative_to(ROOT)
    assert below(ROOT, name) != ROOT


@pytest.mark.parametrize(
    "name", ["", ".", "./", "..", "../a", "a/../../b", "a/..", "/", "/etc", "//etc", "a\n", "a\0", "\ud800"]
)
def test_what_leads_elsewhere(name: str) -> None:
    for join in (below, child):
        with pytest.raises(ValueError, match=r"does not lead|cannot be printed"):
            join(ROOT, name)


@pytest.mark.parametrize("name", ["a/b", "./a", "a/"])
def test_a_path_is_not_the_name_of_one_file(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of one file"):
        child(ROOT, name)
