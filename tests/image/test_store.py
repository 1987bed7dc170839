"""With a program in Podman's place that keeps a list of its images, one name a line."""

from pathlib import Path

import pytest

from factory.errors import DiskFullError, EngineError, FactoryError, ImageError
from factory.image.engine import Engine
from factory.image.store import take

NAME = "localhost/builder:cuda12.4"


def engine(directory: Path, *, run: str = "", import_: str = "") -> Engine:
    """Make one whose containers do ``run`` and whose import does ``import_``, both shell."""
    program = directory / "podman"
    program.write_text(f"""#!/bin/sh
images={directory}/images
for last; do :; done
echo "$@" >> {directory}/calls
case $1 in
  import) {import_ or ":"}; echo "$last" >> $images;;
  run) {run or ":"};;
  tag) grep -qxF "$2" $images && echo "$3" >> $images;;
  rmi) grep -vxF "$2" $images > $images.new; mv $images.new $images;;
esac
""")
    program.chmod(0o755)
    (directory / "images").touch()
    return Engine(
        name="podman", path=program, version="0", rootless=False, architecture="amd64", env={"PATH": "/bin:/usr/bin"}
    )


def images(directory: Path) -> list[str]:
    return (directory / "images").read_text().splitlines()


def bring(directory: Path, made: Engine) -> None:
    take(directory / "image.tar", NAME, changes=["ENV A=b c"], trial="g++ --version", engine=made)


def test_an_image_that_works_gets_its_name(tmp_path: Path) -> None:
    (tmp_path / "images").write_text(f"{NAME}\n")
    bring(tmp_path, engine(tmp_path))
    assert images(tmp_path) == [NAME]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == f"import --change ENV A=b c {tmp_path}/image.tar {NAME}.draft"
    assert calls[1] == f"run --rm {NAME}.draft /bin/sh -c g++ --version"


@pytest.mark.parametrize(
    ("run", "import_", "error", "said"),
    [
        ("echo 'g++: not found' >&2; exit 1", "", ImageError, "g++: not found"),
        ("echo 'setrlimit: Operation not permitted' >&2; exit 126", "", EngineError, "setrlimit"),
        ("", "echo 'write /x: no space left on device' >&2; exit 125", DiskFullError, "no space left"),
        ("", "echo 'permission denied' >&2; exit 125", ImageError, "permission denied"),
    ],
)
def test_one_that_does_not_is_removed_and_the_old_one_stays(
    tmp_path: Path, run: str, import_: str, error: type[FactoryError], said: str
) -> None:
    made = engine(tmp_path, run=run, import_=import_)
    (tmp_path / "images").write_text(f"{NAME}\n")
    with pytest.raises(error) as raised:
        bring(tmp_path, made)
    assert said in " ".join(raised.value.why)
    assert images(tmp_path) == [NAME]
