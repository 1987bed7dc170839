import ast
import os
import re
import subprocess
from pathlib import Path

import torch
from packaging.version import Version, parse
from setuptools import find_packages, setup
from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CUDAExtension
from wheel.bdist_wheel import bdist_wheel as _bdist_wheel

this_dir = os.path.dirname(os.path.abspath(__file__))
PACKAGE_NAME = "flash_attn"
FORCE_BUILD = os.getenv("FLASH_ATTENTION_FORCE_BUILD", "FALSE") == "TRUE"
FORCE_CXX11_ABI = os.getenv("FLASH_ATTENTION_FORCE_CXX11_ABI", "FALSE") == "TRUE"


def cuda_archs():
    return os.getenv("FLASH_ATTN_CUDA_ARCHS", "80;90;100;120").split(";")


def get_cuda_bare_metal_version(cuda_dir):
    output = subprocess.check_output([cuda_dir + "/bin/nvcc", "-V"], universal_newlines=True).split()
    return parse(output[output.index("release") + 1].split(",")[0])


def append_nvcc_threads(nvcc_extra_args):
    return nvcc_extra_args + ["--threads", os.getenv("NVCC_THREADS") or "4"]


cc_flag = []
bare_metal_version = get_cuda_bare_metal_version(CUDA_HOME)
if "80" in cuda_archs():
    cc_flag += ["-gencode", "arch=compute_80,code=sm_80"]
if bare_metal_version >= Version("11.8") and "90" in cuda_archs():
    cc_flag += ["-gencode", "arch=compute_90,code=sm_90"]

if FORCE_CXX11_ABI:
    torch._C._GLIBCXX_USE_CXX11_ABI = True

nvcc_flags = [
    "-O3",
    "-std=c++17",
    "-U__CUDA_NO_HALF_OPERATORS__",
    "-U__CUDA_NO_HALF_CONVERSIONS__",
    "--expt-relaxed-constexpr",
    "--expt-extended-lambda",
    "--use_fast_math",
]

ext_modules = []
if os.getenv("FLASH_ATTENTION_SKIP_CUDA_BUILD", "FALSE") != "TRUE":
    ext_modules.append(
        CUDAExtension(
            name="flash_attn_2_cuda",
            sources=[
                "csrc/flash_attn/flash_api.cpp",
                "csrc/flash_attn/src/flash_fwd_hdim32_fp16_sm80.cu",
                "csrc/flash_attn/src/flash_fwd_split_hdim32_fp16_sm80.cu",
                "csrc/flash_attn/src/flash_bwd_hdim32_fp16_sm80.cu",
            ],
            extra_compile_args={
                "cxx": ["-O3", "-std=c++17"],
                "nvcc": append_nvcc_threads(nvcc_flags + cc_flag),
            },
            include_dirs=[
                Path(this_dir) / "csrc" / "flash_attn",
                Path(this_dir) / "csrc" / "flash_attn" / "src",
                Path(this_dir) / "csrc" / "cutlass" / "include",
            ],
        )
    )


def get_package_version():
    text = (Path(this_dir) / "flash_attn" / "__init__.py").read_text()
    public = ast.literal_eval(re.search(r"^__version__\s*=\s*(.*)$", text, re.MULTILINE).group(1))
    local = os.environ.get("FLASH_ATTN_LOCAL_VERSION")
    return f"{public}+{local}" if local else public


class CachedWheelsCommand(_bdist_wheel):
    def run(self):
        if not FORCE_BUILD:
            raise SystemExit("this sdist would download a wheel now and call it built")
        super().run()


setup(
    name=PACKAGE_NAME,
    version=get_package_version(),
    packages=find_packages(exclude=("csrc",)),
    ext_modules=ext_modules,
    cmdclass={"bdist_wheel": CachedWheelsCommand, "build_ext": BuildExtension},
    python_requires=">=3.9",
    install_requires=["torch", "einops"],
    setup_requires=["packaging", "psutil", "ninja"],
)
