from __future__ import annotations

import pytest

from factory.publish import pools

SET = "kernels-2.7.4.post1-cu124-sm80.90-smoke-gcc12.2.0-0a1b2c3d4e5f"


def test_the_kernels_of_a_version_have_a_release_of_their_own() -> None:
    assert pools.version_of(f"{SET}.tar.zst") == "2.7.4.post1"
    assert pools.pool_tag("2.7.4.post1") == "kernels-v2.7.4.post1"


def test_sets_of_other_tools_are_told_from_other_sets() -> None:
    older, moved = (SET.replace(*change) for change in (("12.2.0", "11.4.0"), ("0a1b2c", "ffffff")))
    other = [SET.replace(*change) for change in (("smoke", "full"), ("sm80.90", "sm80"))]
    there = [f"{name}.tar.zst" for name in (SET, older, moved, *other)]
    there += [f"{older}.1of2.tar.zst", "SHA256SUMS"]
    assert pools.rivals(there, SET) == (older, moved)
    assert [pools.compiler_of(name) for name in (SET, older, "other")] == ["12.2.0", "11.4.0", ""]


@pytest.mark.parametrize("names", [[f"{SET}.tar.zst"], [f"{SET}.1of2.tar.zst", f"{SET}.2of2.tar.zst"]])
def test_whole_sets_may_be_published_and_are_found(names: list[str]) -> None:
    assert pools.refusals(names) == ()
    assert pools.archives(names[::-1], SET) == tuple(names)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([f"{SET}.1of2.tar.zst"], f"{SET}.1of2.tar.zst: {SET}.2of2.tar.zst belongs to it and is not given"),
        ([f"{SET}.12parts-0a1b2c3d.tar.zst"], f"{SET}.12parts-0a1b2c3d.tar.zst: holds only some of the set's kernels"),
        (["wheel.whl"], "wheel.whl: is not named like an archive of kernels"),
    ],
)
def test_other_files_may_not(names: list[str], reason: str) -> None:
    assert pools.refusals(names) == (reason,)


@pytest.mark.parametrize(
    "there",
    [[f"{SET}.1of2.tar.zst"], [f"{SET}.1of{'9' * 9999}.tar.zst"], [f"{SET}x.tar.zst"], ["kernels.tar.zst"], []],
)
def test_a_set_that_is_not_whole_is_not_found(there: list[str]) -> None:
    assert pools.archives(there, SET) == ()
