"""The commands of docs/offline.md as they stand there, the second part where no network can be reached."""

import os
import re
import shutil
import socket
import sys
from pathlib import Path

from factory.gpu_test.verdict import Verdict
from factory.gpu_test.verdictfile import verdict_path
from factory.system import process
from tests.frozen import MATRIX
from tests.smalltrial import FILENAME, MODULE, nvidia_smi, python_with_torch
from tests.wheelmaker import Maker, Parts

ROOT = Path(__file__).parents[2]
CARRIED = ("factory", "noxfile.py", "pyproject.toml")
ALONE = ("unshare", "--user", "--map-root-user", "--net")
REACH = "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=5)"
FAILED = 43


def test_a_wheel_is_tested_without_a_network(maker: Maker, tmp_path: Path) -> None:
    with_one, without = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "docs" / "offline.md").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    clone = tmp_path / "clone"
    (clone / "dist").mkdir(parents=True)
    for name in CARRIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, clone / name)
    shutil.copy(MATRIX, clone)
    wheel = maker.write(Parts(filename=FILENAME, module=MODULE), clone / "dist")
    # The Python that this one was made from, as it is on a user's PATH, for it has pip.
    env = {
        **os.environ,
        "PATH": f"{sys.base_prefix}/bin:{os.environ['PATH']}",
        "FACTORY_CACHE": str(tmp_path / "cache"),
    }
    carried = process.run(["bash", "-ec", with_one], cwd=clone, env=env)
    assert carried.ok, carried.stderr
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = [sys.executable, "-c", REACH, str(server.getsockname()[1])]
        assert process.run(reach).ok
        assert not process.run([*ALONE, *reach]).ok, "the second part would prove nothing"
    nvidia_smi(tmp_path / "driver")
    torch = python_with_torch(tmp_path / "torch")
    env["PATH"] = f"{tmp_path / 'driver'}:{env['PATH']}"
    command = without.replace("dist/WHEEL", f"dist/{wheel.name} --python {torch}")
    done = process.run([*ALONE, "bash", "-ec", command], cwd=clone, env=env)
    # The torch there only says what it is: the wheel is tried, as far as an import, and fails.
    assert f"exit code {FAILED}" in done.stdout + done.stderr, done.stdout + done.stderr
    assert not Verdict.from_json(verdict_path(wheel).read_text()).ok
