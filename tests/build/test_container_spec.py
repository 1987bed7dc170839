import csv
from dataclasses import replace
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from factory.build.container import spec
from factory.build.container.spec import ContainerJob, Mount, Outside
from factory.matrix.arch import Arch
from factory.matrix.model import Cell, Image

CELL = Cell(
    flash_attn="2.7.4.post1",
    cuda="12.4",
    torch="2.6",
    python="3.10",
    cxx11abi=False,
    profile="smoke",
    archs=(Arch(8, 0), Arch(8, 9, "", ptx=True)),
    machine="x86_64",
)
IMAGE = Image(name="example.org:5000/builder:cuda12.4", digest=None, promise="manylinux_2_28")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


OUTSIDE = Outside(engine="podman", mounts=(), proxies=(), jobs=2, run="r1", workspace=Path("/w"))


def test_a_job_is_read_as_it_was_written() -> None:
    job = ContainerJob.of(CELL, run="r1", jobs=4, memory=None)
    assert ContainerJob.from_json(job.to_json()) == job
    assert job.archs == ("8.0", "8.9+PTX")
    assert job.tokens == ("cu124", "torch2.6", "cp310", "abiFALSE", "fa2.7.4.post1", "x86_64")


def test_a_pinned_image_is_asked_for_by_digest_alone() -> None:
    digest = "sha256:" + "a" * 64
    pinned = Image(name=IMAGE.name, digest=digest, promise=IMAGE.promise)
    assert IMAGE.reference == "example.org:5000/builder:cuda12.4"
    assert pinned.reference == f"example.org:5000/builder@{digest}"


@given(TEXT)
@example('with "quotes", and a comma')
def test_a_mount_is_one_row_of_csv_whatever_the_path(name: str) -> None:
    spelled = str(Mount(source=Path("/") / name, target=Path("/there")))
    (row,) = csv.reader([spelled])
    assert row == ["type=bind", f"source={Path('/') / name}", "target=/there", "readonly"]


def test_only_parts_of_the_cache_are_seen_and_fewer_written_to() -> None:
    mounts = spec.mounts(Path("/c"), bundle=Path("/ca.crt"), pip_configuration=None)
    assert {str(mount.source) for mount in mounts if mount.writable} == {"/c/pool", "/c/logs", "/c/pip", "/c/toolkits"}
    assert {str(mount.source) for mount in mounts if not mount.writable} == {"/c/sdists", "/c/sources", "/ca.crt"}


def test_a_proxy_is_handed_on_by_name_for_its_address_may_hold_a_password() -> None:
    made = spec.configuration(CELL, IMAGE, replace(OUTSIDE, proxies=("HTTPS_PROXY",)))
    arguments = made["tool"]["cibuildwheel"]["container-engine"]["create-args"]
    assert "--env=HTTPS_PROXY" in arguments


def test_without_a_bundle_no_variable_names_one() -> None:
    environment = spec.configuration(CELL, IMAGE, OUTSIDE)["tool"]["cibuildwheel"]["environment"]
    assert not {"PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} & environment.keys()


def test_what_is_for_the_wheel_step_alone_is_named() -> None:
    own = spec.own_variables(CELL)
    assert {"CXX", "CUDA_HOME", "MAX_JOBS", "PYTORCH_NVCC"} <= own
    assert not {"PATH", "HOME", "FACTORY_CACHE"} & own
