"""A machine that is fit for the guide's cell both ways, for tests to break in one place."""

from __future__ import annotations

from dataclasses import replace

from factory.doctor import doctor
from factory.doctor.facts import Capacity, Facts, Gpu, Home, Kind, Program, Python, Supply, Torch
from factory.doctor.result import Line, Section
from factory.kernels import costs
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import Cell
from factory.matrix.selector import parse, select
from factory.plan.room import Room
from factory.toolkit import headerfix, mended
from tests.frozen import MATRIX

RULES = load_matrix(MATRIX.read_bytes())
GUIDE = doctor.guides()
FIXES = mended.fixes()
NEEDS = doctor.needs("full", costs.table())
HOME = Home(origin="CUDA_HOME", path="/usr/local/cuda-12.4", release="12.4.131")
TORCH = Torch(where="/venv/torch", release="2.6.0+cu124", cuda="12.4", cxx11abi=False)
PYTHON = Python(
    path="/venv/bin/python",
    version="3.10",
    packages=dict.fromkeys(GUIDE.tools, "1.0") | {"setuptools": "81.0.0"},
    torch=TORCH,
    cudnn="9.8.0.87",
)
CAPACITY = Capacity(
    cores=8,
    hardware_cores=8,
    memory=64 * 10**9,
    hardware_memory=64 * 10**9,
    swap=0,
    free=60 * 10**9,
    jobs=8,
    budget=58 * 10**9,
    asked="6",
    most_jobs=32,
)
ROOMS = (
    Room(use="cache", path="/cache", device=1, free=100 * 10**9, writable=True),
    Room(use="dist", path="dist", device=1, free=100 * 10**9, writable=True),
)
GPU = Gpu(name="NVIDIA H100 80GB HBM3", capability="9.0", driver="580.95.05")
FACTS = Facts(
    nvcc=Program(path="/usr/local/cuda-12.4/bin/nvcc", version="12.4.131"),
    home=HOME,
    toolkits={"12.4": HOME},
    gcc=Program(path="/usr/bin/gcc", version="12.2.0"),
    gxx=Program(path="/usr/bin/g++", version="12.2.0"),
    header_fixes={name: headerfix.meant_for(name, FIXES) for name in RULES.toolkits},
    compilers=dict.fromkeys(RULES.toolkits, Program(path="/usr/bin/g++", version="12.2.0")),
    python=PYTHON,
    pythons={name: f"/usr/bin/python{name}" for name in ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")},
    capacity=CAPACITY,
    rooms=ROOMS,
    gpus=(GPU,),
    engine="podman 4.3.1",
    programs={"git": "/usr/bin/git", "ninja": "/usr/bin/ninja", "uv": "/usr/bin/uv"},
    machine="x86_64",
    glibc="2.36",
    kind=Kind(),
)
SUPPLY = Supply(
    toolkit=HOME, runtime=None, header_fixes=(), altered=(), passed_over=(), environment=True, cudnn="9.1.0.70"
)


def cell(*tokens: str) -> Cell:
    """Give the one cell of ``tokens``, the guide's without any."""
    rows = select(expand(RULES), parse(tokens or ("cu124", "torch2.6", "cp310"), RULES))
    (row,) = rows
    return row.cell


def facts(**other: object) -> Facts:
    """Give the fit machine with other fields."""
    return replace(FACTS, **other)  # type: ignore[arg-type]  # a table of any field


def line(section: Section, subject: str) -> Line:
    """Give the one line on ``subject``."""
    (found,) = [line for line in section.lines if line.subject == subject]
    return found
