import os
from pathlib import Path

import psutil
import pytest

from factory.system.machine import read

GB = 10**9
CORES = len(os.sched_getaffinity(0))


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "sys" / "fs" / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_without_a_cgroup_it_is_the_hardware(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.memory == psutil.virtual_memory().total
    assert 0 < found.free <= found.memory
    assert found.cores == CORES


def test_version_2_limits_memory_and_cached_files_count_as_free(tmp_path: Path) -> None:
    stat = "anon 100000000\nfile 500000000\ninactive_file 300000000\n"
    write(tmp_path, memory_dot_max=f"{GB}\n", memory_dot_current="900000000\n", memory_dot_stat=stat)
    found = read(tmp_path)
    assert found.memory == GB
    assert 100_000_000 < found.free <= 400_000_000


def test_version_1_limits_memory(tmp_path: Path) -> None:
    write(
        tmp_path,
        memory__memory_dot_limit_in_bytes=f"{GB}\n",
        memory__memory_dot_usage_in_bytes="900000000\n",
        memory__memory_dot_stat="inactive_file 1\ntotal_inactive_file 50000000\n",
    )
    assert read(tmp_path).memory == GB
    assert read(tmp_path).free <= 150_000_000


def test_used_up_memory_is_never_less_than_none(tmp_path: Path) -> None:
    write(tmp_path, memory_dot_max=f"{GB}\n", memory_dot_current=f"{2 * GB}\n")
    assert read(tmp_path).free == 0


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n", "", "\n"])
def test_no_limit_or_one_above_the_hardware_changes_nothing(tmp_path: Path, limit: str) -> None:
    write(tmp_path, memory_dot_max=limit, memory_dot_current="1\n", cpu_dot_max="max 100000\n")
    assert read(tmp_path).memory == psutil.virtual_memory().total
    assert read(tmp_path).cores == CORES


@pytest.mark.parametrize("quota", ["50000", "100000", "199999"])
def test_a_quota_of_cpu_time_limits_the_cores_in_both_versions(tmp_path: Path, quota: str) -> None:
    write(tmp_path / "v2", cpu_dot_max=f"{quota} 100000\n")
    write(tmp_path / "v1", cpu__cpu_dot_cfs_quota_us=f"{quota}\n", cpu__cpu_dot_cfs_period_us="100000\n")
    assert read(tmp_path / "v2").cores == read(tmp_path / "v1").cores == 1


def test_an_unlimited_quota_of_version_1(tmp_path: Path) -> None:
    write(tmp_path, cpu__cpu_dot_cfs_quota_us="-1\n", cpu__cpu_dot_cfs_period_us="100000\n")
    assert read(tmp_path).cores == CORES


@pytest.mark.parametrize(
    ("limits", "swap"),
    [
        ({}, 4 * GB),
        ({"memory_dot_max": f"{GB}\n", "memory_dot_swap_dot_max": "max\n"}, 4 * GB),
        ({"memory_dot_max": f"{GB}\n", "memory_dot_swap_dot_max": f"{GB}\n"}, GB),
        ({"memory_dot_max": f"{GB}\n", "memory_dot_swap_dot_max": "0\n"}, 0),
        (
            {
                "memory__memory_dot_limit_in_bytes": f"{GB}\n",
                "memory__memory_dot_memsw_dot_limit_in_bytes": f"{3 * GB}\n",
            },
            2 * GB,
        ),
    ],
)
def test_swap_is_the_hardware_s_as_far_as_a_cgroup_allows(limits: dict[str, str], swap: int, tmp_path: Path) -> None:
    write(tmp_path, **limits)
    (tmp_path / "proc").mkdir()
    kibibytes = 4 * GB // 1024
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal: 1 kB\nSwapTotal:   {kibibytes} kB\nSwapFree: 0 kB\n")
    assert read(tmp_path).swap == swap
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 1 kB\n")
    assert read(tmp_path).swap == 0
