from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import ToolkitError
from factory.toolkit.check import digest_of, inspect

Maker = Callable[..., Path]


def test_a_complete_toolkit_is_described(toolkit: Maker, tmp_path: Path) -> None:
    found = inspect(toolkit(tmp_path / "cuda"), "12.4", origin="CUDA_HOME", memory=tmp_path / "memory")
    assert (found.version, found.release, found.origin) == ("12.4", "12.4.131", "CUDA_HOME")
    assert found.nvcc == tmp_path / "cuda/bin/nvcc"


def test_all_that_is_wrong_is_said_at_once(toolkit: Maker, tmp_path: Path) -> None:
    without = ("bin/ptxas", "include/cuda_bf16.h", "lib64/libcudart.so")
    home = toolkit(tmp_path / "cuda", release="13.0.88", without=without)
    (home / "nvvm/bin/cicc").chmod(0o644)
    with pytest.raises(ToolkitError, match=r"CUDA_HOME: .*/cuda is not a complete CUDA 12\.4") as raised:
        inspect(home, "12.4", origin="CUDA_HOME", memory=tmp_path / "memory")
    assert raised.value.why == (
        "it is CUDA 13.0 (13.0.88)",
        "missing: nvvm/bin/cicc, bin/ptxas, include/cuda_bf16.h, lib64/libcudart.so",
    )


def test_an_empty_directory_is_refused_not_crashed_on(tmp_path: Path) -> None:
    with pytest.raises(ToolkitError) as raised:
        inspect(tmp_path, "12.4", origin="CUDA_HOME", memory=tmp_path / "memory")
    assert len(raised.value.why) == 1
    assert raised.value.why[0].startswith("missing: bin/nvcc, nvvm/bin/cicc, ")


def test_an_nvcc_of_another_machine_is_refused(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "cuda")
    (home / "bin/nvcc").write_bytes(b"\x7fELF of something else")
    with pytest.raises(ToolkitError) as raised:
        inspect(home, "12.4", origin="CUDA_HOME", memory=tmp_path / "memory")
    assert raised.value.why == ("its nvcc does not say its version",)


def test_the_digest_is_of_the_content_alone(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "a")
    shutil.copytree(home, tmp_path / "b")
    (home / "doc.txt").write_text("no part of the compiler")
    assert digest_of(home, tmp_path / "memory") == digest_of(tmp_path / "b", tmp_path / "memory")


@pytest.mark.parametrize(
    "place", ["bin/ptxas", "nvvm/bin/cicc", "nvvm/libdevice/libdevice.10.bc", "include/cuda_bf16.h", "bin/nvcc.profile"]
)
def test_a_change_under_the_same_path_is_noticed(toolkit: Maker, tmp_path: Path, place: str) -> None:
    home = toolkit(tmp_path / "cuda")
    before, times = digest_of(home, tmp_path / "memory"), (home / place).stat()
    content = bytearray((home / place).read_bytes())
    content[0] ^= 1
    (home / place).write_bytes(content)
    os.utime(home / place, ns=(times.st_atime_ns, times.st_mtime_ns))  # as an archive or a clock set back would
    assert digest_of(home, tmp_path / "memory") != before


def test_a_new_header_is_noticed(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "cuda")
    before = digest_of(home, tmp_path / "memory")
    (home / "include/deep").mkdir()
    (home / "include/deep/new.h").write_text("")
    assert digest_of(home, tmp_path / "memory") != before


def test_headers_behind_a_link_count(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "cuda")
    plain = digest_of(home, tmp_path / "memory")
    (home / "include").rename(tmp_path / "elsewhere")
    (home / "include").symlink_to(tmp_path / "elsewhere")
    (home / "include/broken").symlink_to("nowhere")
    assert digest_of(home, tmp_path / "memory") == plain


def test_headers_in_a_linked_directory_count_and_a_loop_ends(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "cuda")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "more.h").write_text("one")
    (home / "include" / "shared").symlink_to(shared)
    (shared / "back").symlink_to(home / "include")
    before = digest_of(home, tmp_path / "memory")
    (shared / "more.h").write_text("two")
    assert digest_of(home, tmp_path / "memory") != before


def test_a_spoiled_memory_is_made_anew(toolkit: Maker, tmp_path: Path) -> None:
    home = toolkit(tmp_path / "cuda")
    before = digest_of(home, tmp_path / "memory")
    for note in (tmp_path / "memory").iterdir():
        note.write_text("[]")
    assert digest_of(home, tmp_path / "memory") == before
