"""Views of toolkits with mended headers: what is in them, and that the toolkit itself stays as it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.toolkit import check
from factory.toolkit.headerfix import Change, HeaderFix
from factory.toolkit.mended import MANIFEST, fitting, fixes, mended
from factory.toolkit.toolkit import CudaToolkit

Maker = Callable[..., Path]
HEADER = "include/crt/math_functions.h"


def fix(name: str, old: str, new: str, file: str = HEADER) -> HeaderFix:
    return HeaderFix(
        name=name,
        releases=("12.4",),
        functions=("cospi",),
        glibc="2.41",
        mended_in="13.0",
        changes=(Change(file=file, old=old, new=new),),
    )


ONE, TWO = fix("one", "double cospi;", "double cospi noexcept;"), fix("two", "absent", "present")


def flat(home: Path, toolkit: Maker) -> Path:
    """Lay it out as the factory's own."""
    toolkit(home)
    (home / HEADER).write_text("double cospi;\n")
    (home / MANIFEST).write_text("the toolkit's own")
    return home


def include_is_a_link(home: Path, toolkit: Maker) -> Path:
    """Lay it out as NVIDIA's installer does: the target has the headers."""
    flat(home, toolkit)
    (home / "targets/x86_64-linux").mkdir(parents=True)
    (home / "include").rename(home / "targets/x86_64-linux/include")
    (home / "lib64").rename(home / "targets/x86_64-linux/lib")
    (home / "include").symlink_to("targets/x86_64-linux/include")
    (home / "lib64").symlink_to("targets/x86_64-linux/lib")
    return home


def target_links_back(home: Path, toolkit: Maker) -> Path:
    """Lay it out as conda does: the target has links to the headers."""
    flat(home, toolkit)
    (home / "targets/x86_64-linux").mkdir(parents=True)
    (home / "targets/x86_64-linux/include").symlink_to("../../include")
    return home


LAYOUTS = [flat, include_is_a_link, target_links_back]


def seen(home: Path, cache: Path) -> CudaToolkit:
    return check.inspect(home, "12.4", origin="CUDA_HOME", memory=cache / "memory")


def listing(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("lay_out", LAYOUTS)
def test_the_view_is_mended_and_the_toolkit_stays(
    tmp_path: Path, toolkit: Maker, lay_out: Callable[[Path, Maker], Path]
) -> None:
    home, cache = lay_out(tmp_path / "cuda", toolkit), tmp_path / "cache"
    before, original = listing(home), seen(home, cache)
    view = mended(original, [ONE, TWO], cache)
    assert (view.mended, view.original, view.as_published) == (("one",), original, original)
    assert (view.release, view.origin, view.digest != original.digest) == ("12.4.131", "CUDA_HOME", True)
    assert listing(home) == before
    for place in (HEADER, *(f"{target.relative_to(home)}/{HEADER}" for target in home.glob("targets/*"))):
        text = (view.home / place).read_text()
        assert text == "double cospi noexcept;\n", place
        # As nvcc goes: from its own directory, by `..`.
        assert Path(os.path.realpath(view.home / "bin/.." / place)).is_relative_to(view.home)
    others = [name for name in before if not name.endswith(("math_functions.h", MANIFEST))]
    assert all(
        (view.home / name).read_bytes() == (home / name).read_bytes() for name in others if (home / name).is_file()
    )
    assert check.lacking(view.home) == ()


def test_the_manifest_says_what_it_is_a_view_of(tmp_path: Path, toolkit: Maker) -> None:
    original = seen(flat(tmp_path / "cuda", toolkit), tmp_path)
    view = mended(original, [ONE], tmp_path)
    told = json.loads((view.home / MANIFEST).read_text())
    assert told["of"] == {"home": str(original.home), "release": "12.4.131", "digest": original.digest}
    assert (told["header_fixes"], told["digest"]) == (["one"], view.digest)
    assert (original.home / MANIFEST).read_text() == "the toolkit's own"


def test_it_is_made_once_and_anew_where_somebody_changed_it(tmp_path: Path, toolkit: Maker) -> None:
    original = seen(flat(tmp_path / "cuda", toolkit), tmp_path)
    first = mended(original, [ONE], tmp_path)
    kept = (first.home / HEADER).stat().st_ino
    assert mended(original, [ONE], tmp_path) == first
    assert (first.home / HEADER).stat().st_ino == kept
    (first.home / HEADER).write_text("int altered;\n")
    assert mended(original, [ONE], tmp_path) == first
    assert (first.home / HEADER).read_text() == "double cospi noexcept;\n"
    (first.home / MANIFEST).write_text("[]")
    assert mended(original, [ONE], tmp_path) == first
    assert json.loads((first.home / MANIFEST).read_text())["digest"] == first.digest


def test_another_toolkit_or_other_fixes_have_a_view_of_their_own(tmp_path: Path, toolkit: Maker) -> None:
    original = seen(flat(tmp_path / "cuda", toolkit), tmp_path)
    more = fix("more", "noexcept;", "noexcept(true);")
    views = [mended(original, some, tmp_path) for some in ([ONE], [ONE, more])]
    (original.home / "bin/ptxas").write_text("another\n")
    views.append(mended(seen(original.home, tmp_path), [ONE], tmp_path))
    assert len({view.home for view in views}) == len({view.digest for view in views}) == 3


@pytest.mark.parametrize(
    "known", [[], [TWO], [ONE.model_copy(update={"releases": ("13.0",)})], [fix("none", "a", "b", "include/none.h")]]
)
def test_where_nothing_is_to_be_mended_it_stays_itself(tmp_path: Path, toolkit: Maker, known: list[HeaderFix]) -> None:
    original = seen(flat(tmp_path / "cuda", toolkit), tmp_path)
    assert mended(original, known, tmp_path / "cache") is original
    assert fitting(original.home, "12.4", known) == ()
    assert not (tmp_path / "cache").exists()


def test_a_view_needs_no_mending(tmp_path: Path, toolkit: Maker) -> None:
    """As where CUDA_HOME names one."""
    original = seen(flat(tmp_path / "cuda", toolkit), tmp_path)
    assert fitting(original.home, "12.4", [ONE, TWO]) == (ONE,)
    view = mended(original, [ONE], tmp_path)
    assert fitting(view.home, "12.4", [ONE, TWO]) == ()
    assert mended(seen(view.home, tmp_path), [ONE], tmp_path).home == view.home


def test_the_shipped_fixes_are_read() -> None:
    assert {file for one in fixes() for file in (change.file for change in one.changes)} == {HEADER, f"{HEADER}pp"}
