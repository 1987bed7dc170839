from __future__ import annotations

from dataclasses import replace

from packaging.requirements import Requirement

from factory.index import requirements
from factory.index.published import Published
from tests.samplewheels import GUIDE, wheel


def written(one: Published) -> list[str]:
    ((path, text),) = requirements.files([one]).items()
    assert path == f"requirements/{GUIDE.removesuffix('.whl')}.txt"
    assert text.startswith("# flash-attn alone, for where torch 2.6 of CUDA 12 (cxx11abiFALSE) and einops are: pip ")
    assert max(map(len, text.splitlines()[:3])) < 120
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_wheel_is_required_by_its_address_and_hash() -> None:
    one = wheel()
    (line,) = written(one)
    required, _, digest = line.partition(" --hash=")
    assert (Requirement(required).name, Requirement(required).url) == ("flash-attn", one.url)
    assert digest == f"sha256:{one.sha256}"


def test_a_mirrors_wheel_is_required_by_its_version_from_the_directory_beside() -> None:
    one = replace(wheel(), url=f"files/{GUIDE.replace('+', '%2B')}")
    assert written(one) == [
        "--find-links ../files",
        f"flash-attn==2.7.4.post1+cu12torch2.6cxx11abifalse --hash=sha256:{one.sha256}",
    ]
