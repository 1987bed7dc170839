"""The configuration of a container build as cibuildwheel itself reads it: the contract with its options code."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from rich.console import Console

from factory.build.container import spec
from factory.build.container.spec import Outside
from factory.environment import cibuildwheel, interpreter
from factory.environment.environment import Installer
from factory.image.engine import engine_env
from factory.matrix.arch import Arch
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell, Image
from factory.output.log import Log
from factory.system import process
from factory.system.cache import cache_root

pytestmark = pytest.mark.live_matrix

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "a" * 64
# Options are computed as cibuildwheel's own main does, with this process's environment, and printed.
READ = """
import json, os, sys
from pathlib import Path
from cibuildwheel.options import CommandLineArguments, compute_options
from cibuildwheel.platforms import linux
arguments = CommandLineArguments.defaults()
arguments.only, arguments.config_file, arguments.package_dir = sys.argv[1], sys.argv[2], Path(sys.argv[3])
options = compute_options("linux", arguments, os.environ)
found = linux.get_python_configurations(options.globals.build_selector, options.globals.architectures)
made = options.build_options(sys.argv[1])
print(json.dumps({
    "identifiers": [one.identifier for one in found],
    "home": [str(one.path) for one in found],
    "image": made.manylinux_images["x86_64"],
    "engine": made.container_engine.name,
    "arguments": list(made.container_engine.create_args),
    "host_mounted": not made.container_engine.disable_host_mount,
    "frontend": made.build_frontend.name,
    "frontend_arguments": list(made.build_frontend.args),
    "environment": made.environment.as_dictionary({"PATH": "/usr/bin"}),
    "before_all": made.before_all, "before_build": made.before_build,
    "before_test": made.before_test, "test_command": made.test_command,
    "test_requires": made.test_requires, "repair": made.repair_command,
    "constraints": str(made.dependency_constraints.get_for_python_version(version="3.10", tmp_dir=Path("."))),
    "tested": options.globals.test_selector(sys.argv[1]),
}))
"""


def cell(python: str) -> Cell:
    return Cell(
        flash_attn="2.7.4.post1",
        cuda="12.4",
        torch="2.6",
        python=python,
        cxx11abi=False,
        profile="smoke",
        archs=(Arch(8, 0),),
        machine="x86_64",
    )


def read(python: str, directory: Path) -> dict[str, Any]:
    """Give the options of the cell of ``python``, read by the release that builds it, from a caller full of traps."""
    cache = cache_root(os.environ)
    installer = Installer(
        cache=cache,
        env=os.environ,
        interpreter=lambda version: interpreter.find(version, os.environ),
        say=Log(Console()).say,
    )
    matrix = load_matrix((ROOT / "matrix.yaml").read_text())
    tool = cibuildwheel.find(matrix.cibuildwheel[python], cache=cache, installer=installer, say=print)
    caller = dict(os.environ) | {"CIBW_BEFORE_ALL": "evil", "CIBW_ENVIRONMENT": "A=evil", "GITHUB_TOKEN": "evil"}
    odd = directory / "a cache, with 'all' $signs"
    mounts = spec.mounts(odd, bundle=Path("/ca.crt"))
    outside = Outside(engine="podman", mounts=mounts, proxies=("HTTPS_PROXY",), jobs=3, run="r1", workspace=odd)
    image = Image(name="example.org/builder:cuda12.4", digest=DIGEST, promise="manylinux_2_28")
    configured = directory / "cibuildwheel.toml"
    configured.write_text(tomli_w.dumps(spec.configuration(cell(python), image, outside)))
    words = (spec.identifier(cell(python)), configured, directory)
    done = process.run([tool, "-I", "-c", READ, *words], cwd=directory, env=engine_env(caller), timeout=60)
    assert done.ok, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("python", ["3.9", "3.10", "3.14"])
def test_cibuildwheel_reads_what_the_recipe_means(python: str, tmp_path: Path) -> None:
    told = read(python, tmp_path)
    tag = "cp" + python.replace(".", "")
    assert told["identifiers"] == [f"{tag}-manylinux_x86_64"]
    assert told["home"] == [str(spec.paths(cell(python)).python.parents[1])]
    assert told["image"] == f"example.org/builder@{DIGEST}"
    assert (told["engine"], told["host_mounted"]) == ("podman", False)
    assert (told["frontend"], told["repair"], told["tested"]) == ("pip", "", True)
    assert {"--no-build-isolation", "--no-index"} <= set(told["frontend_arguments"])
    assert [told[step].split()[-1] for step in ("before_all", "before_build", "before_test", "test_command")] == [
        "kernels",
        "setup",
        "environment",
        "test",
    ]
    assert (told["test_requires"], told["constraints"]) == ([], "None")


def test_environment_and_mounts_arrive_whole_and_nothing_of_the_caller(tmp_path: Path) -> None:
    told = read("3.10", tmp_path)
    assert told["environment"] == {
        "PATH": "/usr/bin",
        "CUDA_HOME": "/factory/cuda",
        "CXX": "/factory/workdir/bin/g++",
        "PYTORCH_NVCC": "/factory/workdir/bin/nvcc",
        "FACTORY_DRIVER_JOB": "/factory/workdir/driver.json",
        "FACTORY_CACHE": "/factory/cache",
        "MAX_JOBS": "3",
        "NVCC_THREADS": "1",
        "TORCH_EXTENSION_SKIP_NVCC_GEN_DEPENDENCIES": "1",
        "TORCH_NO_COMPILER_WRAPPER": "1",
        "FLASH_ATTENTION_FORCE_BUILD": "TRUE",
        "FLASH_ATTN_LOCAL_VERSION": "cu12torch2.6cxx11abiFALSE.smoke",
        "SOURCE_DATE_EPOCH": "1577836800",
        "PIP_CACHE_DIR": "/factory/cache/pip",
        "PIP_CERT": "/factory/ca-certificates.crt",
        "REQUESTS_CA_BUNDLE": "/factory/ca-certificates.crt",
        "SSL_CERT_FILE": "/factory/ca-certificates.crt",
    }
    odd = tmp_path / "a cache, with 'all' $signs"
    mounts = spec.mounts(odd, bundle=Path("/ca.crt"))
    assert told["arguments"] == [
        "--label=flash-attn-wheel-factory=r1",
        f"--label=flash-attn-wheel-factory.workspace={odd}",
        "--security-opt=label=disable",
        "--env=HTTPS_PROXY",
        *(f"--mount={mount}" for mount in mounts),
    ]
    assert sys.executable not in json.dumps(told)
