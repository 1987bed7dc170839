"""What a person is shown of a wheel, whoever built it."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.audit import audit, factrows
from tests.wheelmaker import NEW_SYMBOL, Binary, Maker, Parts

FA3 = "flash_attn_3-3.0.0+cu128torch2.11gite2743ab-cp310-abi3-linux_x86_64.whl"


def shown(wheel: Path) -> dict[str, str]:
    return dict(factrows.rows(audit.audit(wheel)))


@pytest.mark.parametrize(
    ("undefined", "torch", "python"),
    [
        (("PyModule_Create2", "torch_from_blob"), "2.11 and newer (its stable ABI alone)", "3.2 and newer"),
        (("aoti_torch_get_dim",), "2.9 and newer (its stable ABI alone)", "calls nothing of it"),
        ((NEW_SYMBOL, "_PyObject_CallNoArgs"), "2.10 and newer, older than 2.14", "one release"),
        (("_ZN3c1017GetCPUAllocatorEv",), "no function that tells series apart", "calls nothing of it"),
        (("PyModule_Create2",), "calls nothing of it", "3.2 and newer"),
    ],
)
def test_the_torch_and_python_that_its_symbols_fit(
    maker: Maker, tmp_path: Path, undefined: tuple[str, ...], torch: str, python: str
) -> None:
    parts = Parts(filename=FA3, module="flash_attn_3/_C.abi3.so", binary=Binary(undefined=undefined), expected=None)
    rows = shown(maker.write(parts, tmp_path))
    assert rows["machine code"] == "flash_attn_3/_C.abi3.so, for x86_64"
    assert rows["torch"].startswith(torch)
    assert rows["Python"].startswith(python)


def test_a_library_that_calls_neither_is_said_to_fit_nothing(maker: Maker, tmp_path: Path) -> None:
    parts = Parts(filename=FA3, module="flash_attn_3/_C.abi3.so", binary=Binary(undefined=("memchr",)), expected=None)
    rows = shown(maker.write(parts, tmp_path))
    assert "needs" in rows
    assert not {"torch", "Python"} & rows.keys()


def test_kernels_in_a_library_beside_the_module_are_read(maker: Maker, tmp_path: Path) -> None:
    name = "dew_flash_attn_cu12-0.3.6-py3-none-manylinux_2_28_x86_64.whl"
    binary = Binary(undefined=("memchr",), needed=("libcudart.so.12",), fatbins=("cu124_80",))
    parts = Parts(filename=name, module="dew_flash_attn/libdew_flash_attn.so", binary=binary, expected=None)
    wheel = maker.write(parts, tmp_path)
    assert audit.audit(wheel).findings == ()
    rows = shown(wheel)
    assert rows["GPU code"] == "sm_80 in 1 unit, lz4"
    assert rows["its name says"].endswith("manylinux on x86_64; glibc 2.28 and newer")


def test_what_only_extras_require_and_what_libraries_lack_is_left_out(maker: Maker, tmp_path: Path) -> None:
    binary = Binary(undefined=("memchr",), needed=(), fatbins=())
    parts = Parts(filename="other-1.0-py3-none-linux_x86_64.whl", module="other.libs/libz-1.so.1", binary=binary)
    parts.metadata = {"Requires-Dist": "torch ; extra == 'test'"}
    parts.expected = None
    wheel = maker.write(parts, tmp_path)
    assert audit.audit(wheel).findings == ()
    assert not {"it requires", "GPU code", "torch", "Python"} & shown(wheel).keys()


def test_a_second_torch_in_anybody_s_wheel_is_found(maker: Maker, tmp_path: Path) -> None:
    parts = Parts(filename="other-1.0-py3-none-linux_x86_64.whl", binary=None, expected=None)
    parts.files = {"other.libs/libtorch_cpu-1a2b.so": b"", "other.libs/libcudart.1a2b.so.12": b""}
    (found,) = audit.audit(maker.write(parts, tmp_path)).findings
    assert (found.check, found.evidence) == ("bundled", ("other.libs/libtorch_cpu-1a2b.so",))


def test_a_wheel_for_windows_is_said_to_be_one(maker: Maker, tmp_path: Path) -> None:
    name = "flash_attn-2.6.3+cu122torch2.4.0cxx11abiFALSE-cp311-cp311-win_amd64.whl"
    parts = Parts(filename=name, binary=None, files={"flash_attn_2_cuda.cp311-win_amd64.pyd": b"MZ"}, expected=None)
    wheel = maker.write(parts, tmp_path)
    assert audit.audit(wheel).findings == ()
    assert shown(wheel)["machine code"] == "not read: it is not Linux's"
    assert "CUDA 12.2; torch 2.4; Python 3.11; C++ ABI FALSE; win on x86_64" in shown(wheel)["its name says"]
