import multiprocessing
import time
from pathlib import Path

import pytest

from factory.errors import UsageError
from factory.system.cache import cache_root, locked, made_once, writable


def test_the_cache_follows_its_variable_then_xdg_then_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    name = "flash-attn-wheel-factory"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_root({"FACTORY_CACHE": "~/kept"}) == tmp_path / "kept"
    assert cache_root({"FACTORY_CACHE": ""}) == Path("/x") / name
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root({}) == tmp_path / ".cache" / name
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_root({}) == tmp_path / ".cache" / name
    assert cache_root({"FACTORY_CACHE": "kept"}) == Path.cwd() / "kept"


def test_without_a_home_a_directory_has_to_be_named() -> None:
    with pytest.raises(UsageError, match="no home directory") as caught:
        cache_root({"FACTORY_CACHE": "~a-user-that-nobody-has/cache"})
    assert "FACTORY_CACHE" in caught.value.remedy


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    assert writable(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file/cache") as caught:
        writable(tmp_path / "file" / "cache")
    assert "FACTORY_CACHE" in caught.value.remedy


def slowly(directory: Path) -> None:
    def make(target: Path) -> None:
        (target / "first").touch()
        time.sleep(0.3)
        with (directory.parent / "makers").open("a") as makers:
            makers.write("x")
        (target / "last").touch()

    made_once(directory, make)
    assert (directory / "last").exists()


def test_two_processes_make_it_once_and_neither_sees_it_half_made(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=slowly, args=(tmp_path / "thing",)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(20)
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "makers").read_text() == "x"


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    assert made_once(tmp_path / "thing", lambda _: pytest.fail("made again")) == tmp_path / "thing"


def test_what_a_crash_left_is_removed_and_made_anew(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=slowly, args=(tmp_path / "thing",))
    process.start()
    while not list(tmp_path.glob(".thing.tmp-*/first")):
        time.sleep(0.01)
    process.kill()
    process.join()
    made_once(tmp_path / "thing", lambda target: (target / "new").touch())
    assert [path.name for path in (tmp_path / "thing").iterdir()] == ["new"]
    assert list(tmp_path.glob(".thing.tmp-*")) == []


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once(tmp_path / "thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]


def test_a_lock_is_free_again_after_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "new" / "lock"):
            pass
