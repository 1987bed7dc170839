"""Published wheels to be, for tests that need many or one of a kind."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace
from typing import Any

from factory.index import rules, status, torchbuilds
from factory.index.index import Facts, Former
from factory.index.lastrun import LastRun
from factory.index.published import Gpu, Published
from factory.index.served.flash_attn_wheel import Repository
from factory.matrix import wheelname
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.unserved import unserved
from factory.matrix.wheelname import WheelName
from factory.wheel import torchpin
from tests.frozen import MATRIX

BUILDS = torchbuilds.builds(load_matrix(MATRIX.read_bytes()))
NOTHING = Former(wheels=(), may_shrink=False)
"""What a first index takes the place of."""
GUIDE = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abiFALSE-cp310-cp310-linux_x86_64.whl"
RULES = rules.table(
    load_matrix(MATRIX.read_bytes()),
    Repository(name="owner/repo", home="https://github.com/owner/repo", api="https://api.github.com"),
)
_RUN = LastRun(
    url="https://github.com/owner/repo/actions/runs/7",
    jobs={"plan": "success", "kernels": "success", "wheel": "failure", "publish": "skipped"},
    wheels=(),
)
STATUS = status.status(
    expand(load_matrix(MATRIX.read_bytes())),
    load_matrix(MATRIX.read_bytes()),
    unserved(),
    status.Known(left_out=(), run=_RUN, written="2026-11-29T12:00:00Z"),
)
FACTS = Facts(rules=RULES, builds=BUILDS, status=STATUS)


def named(filename: str, **changes: Any) -> Published:  # noqa: ANN401  # the fields' own types
    """Make one of that name; the rest is right, and differs from name to name where it does in earnest."""
    sha256 = hashlib.sha256(filename.encode()).hexdigest()
    tag = f"v{filename.split('-')[1].partition('+')[0]}"
    made = Published(
        filename=filename,
        url=f"https://github.com/owner/repo/releases/download/{tag}/{filename.replace('+', '%2B')}",
        size=150_000_000 + int(sha256[:6], 16),
        sha256=sha256,
        uploaded="2026-11-22T10:00:00Z",
        metadata_sha256=sha256[::-1],
        requires_python=">=3.9",
        yanked=None,
        archs=("sm_80", "sm_90"),
        floor="manylinux_2_28",
        gpu=Gpu(verdict="passed", name="NVIDIA H100 80GB HBM3"),
        tag=tag,
        cuda=None,
        requires=(torchpin.requirement(wheelname.parse(filename).torch), "einops"),
        bill=f"flash_attn-{tag[1:]}.cdx.json",
        attested=True,
    )
    return replace(made, **changes)


def wheel(  # noqa: PLR0913  # one for each axis
    version: str = "2.7.4.post1",
    cuda: str = "12.4",
    torch: str = "2.6",
    python: str = "3.10",
    *,
    abi: bool = False,
    profile: str = "full",
    **changes: Any,  # noqa: ANN401  # the fields' own types
) -> Published:
    """Make the guide's wheel, or one that differs from it as said."""
    name = WheelName(
        version=version,
        cuda_major=int(cuda.split(".", maxsplit=1)[0]),
        torch=torch,
        cxx11abi=abi,
        profile=profile,
        python=python,
        platform_tag="linux_x86_64",
    )
    return named(name.filename, **{"cuda": cuda} | changes)


def many(count: int) -> list[Published]:
    """Make ``count`` different ones."""
    every = itertools.product(
        [f"2.8.{minor}" for minor in range(20)],
        ["12.8", "13.0"],
        [f"2.{minor}" for minor in range(4, 24)],
        [f"3.{minor}" for minor in range(9, 16)],
        [True, False],
    )
    return [
        wheel(version, cuda, torch, python, abi=abi)
        for version, cuda, torch, python, abi in itertools.islice(every, count)
    ]
