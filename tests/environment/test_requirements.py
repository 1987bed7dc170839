from packaging.requirements import Requirement

from factory.environment.requirements import lock_name, tool_requirements, torch_requirement
from factory.matrix.model import Torch, TorchBuild

BUILD = TorchBuild(cuda="12.6", cxx11abi=True, pythons=("3.10",), machines=("x86_64",), index_url=None, published=True)
TORCH = Torch(
    series="2.13",
    release="2.13.0",
    cxx_standard=17,
    setuptools=">=77.0.3,<82",
    builds=(BUILD,),
)


def test_names_the_exact_torch_and_its_lock() -> None:
    assert torch_requirement(TORCH) == "torch==2.13.0"
    assert lock_name(TORCH, BUILD) == "torch-2.13.0-cu126.txt"


def test_the_tools_are_the_guide_s_and_setuptools_is_what_torch_wants() -> None:
    tools = {wanted.name: wanted for wanted in map(Requirement, tool_requirements(TORCH))}
    assert tools.keys() >= {"pip", "wheel", "setuptools", "packaging", "ninja", "psutil", "einops"}
    assert tools["setuptools"].specifier.contains("81.0")
    assert not tools["setuptools"].specifier.contains("82.0")
