from pathlib import Path

import pytest

from factory.errors import ImageError
from factory.image import cudatree
from factory.toolkit import check, mended
from factory.toolkit.headerfix import Change, HeaderFix
from factory.toolkit.toolkit import CudaToolkit
from tests import smalltoolkit

FIX = HeaderFix(
    name="one",
    releases=("12.4",),
    functions=("cospi",),
    glibc="2.41",
    mended_in="13.0",
    changes=(Change(file="include/cuda_bf16.h", old="content", new="better"),),
)


def toolkit(tmp_path: Path) -> CudaToolkit:
    home = smalltoolkit.make(tmp_path / "cuda")
    return check.inspect(home, "12.4", origin="here", memory=tmp_path / "digests")


def test_of_a_mended_toolkit_the_published_one_is_copied(tmp_path: Path) -> None:
    published = toolkit(tmp_path)
    view = mended.mended(published, [FIX], tmp_path / "cache")
    assert view.original == published
    assert (view.home / "bin/ptxas").is_symlink()
    cudatree.copy(view, tmp_path / "copy", tmp_path / "digests")
    assert check.digest_of(tmp_path / "copy", tmp_path / "digests") == published.digest
    assert not [path for path in (tmp_path / "copy").rglob("*") if path.is_symlink()]


def test_links_that_lead_out_are_left_behind(tmp_path: Path) -> None:
    cuda = toolkit(tmp_path)
    for at, target in enumerate(("/etc/hostname", "../../outside", "nowhere/../../../outside")):
        (cuda.home / "bin" / f"foreign{at}").symlink_to(target)
    (cuda.home / "bin" / "inside").symlink_to("../include")
    cudatree.copy(cuda, tmp_path / "copy", tmp_path / "digests")
    assert [path.name for path in (tmp_path / "copy").rglob("*") if path.is_symlink()] == ["inside"]


@pytest.mark.parametrize(
    ("place", "why"), [("bin/nvcc", "missing: bin/nvcc"), ("include/thrust", "missing: include/thrust/version.h")]
)
def test_a_toolkit_that_is_not_whole_without_them_is_refused(tmp_path: Path, place: str, why: str) -> None:
    cuda = toolkit(tmp_path)
    (cuda.home / place).rename(tmp_path / "elsewhere")
    (cuda.home / place).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageError, match="is not the toolkit that is there") as caught:
        cudatree.copy(cuda, tmp_path / "copy", tmp_path / "digests")
    assert caught.value.why == (f"{place} leads out of it", why)


def test_a_toolkit_with_a_header_elsewhere_is_refused(tmp_path: Path) -> None:
    home = smalltoolkit.make(tmp_path / "cuda")
    (tmp_path / "mine.h").write_text("#define MINE\n")
    (home / "include" / "mine.h").symlink_to(tmp_path / "mine.h")
    cuda = check.inspect(home, "12.4", origin="here", memory=tmp_path / "digests")
    with pytest.raises(ImageError, match="is not the toolkit that is there") as caught:
        cudatree.copy(cuda, tmp_path / "copy", tmp_path / "digests")
    assert caught.value.why[0] == "include/mine.h leads out of it"
    assert caught.value.why[1].endswith(f", not {cuda.digest}")
