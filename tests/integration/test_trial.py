"""The trial of a wheel on the CPU, with a stand-in for flash_attn that is right, or wrong in a way a wheel could be."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pybind11
import pytest

from factory.build import host
from factory.system import process
from tests.integration.bench import ROOT, make_bench

pytestmark = pytest.mark.e2e_torch

# Few and small cases: this runs on a CPU, whose half precision is slow.
SMALL = """
from dataclasses import replace
from factory.gpu_test.trial import forward, grid, kvcache, varlen
grid.HEAD_SIZES, forward.HEADS = (40, 64), ((4, 4), (4, 2), (4, 1))
forward.SEQLENS, forward.SHARED = ((16, 24), (21, 37)), replace(forward.SHARED, seqlens=(30, 25))
varlen.HEAD_SIZES, varlen.HEADS = (59, 64), ((6, 2),) * 3
varlen.RAGGED, varlen.SAME = ((12, 1, 25, 0, 6), (30, 3, 17, 12, 0)), ((10, 0, 25), (10, 0, 25))
varlen.DECODE = ((1, 1, 1), (100, 7, 204))
every = list(kvcache.cases())
kvcache.cases = lambda: every[::5]
"""

SDPA = """
import torch
from factory.gpu_test.trial.kind import Kind
from factory.gpu_test.trial.reference import Extra, attention
from factory.gpu_test.trial.rule import Answer, Rule, judge

torch.manual_seed(7)
for causal, heads_k in ((False, 6), (True, 6), (True, 2), (False, 1)):
    q = torch.randn(2, 33, 6, 40, dtype=torch.float64)
    k, v = (torch.randn(2, 33, heads_k, 40, dtype=torch.float64) for _ in range(2))
    ours = attention((q, k, v), Kind(causal=causal))
    spread = [x.repeat_interleave(6 // x.shape[2], dim=2).transpose(1, 2) for x in (q, k, v)]
    theirs = torch.nn.functional.scaled_dot_product_attention(*spread, is_causal=causal).transpose(1, 2)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12), (causal, heads_k)

q, k, v = (torch.randn(2, n, 4, 16, dtype=torch.float64) for n in (9, 21, 21))
slopes = torch.rand(2, 4, dtype=torch.float64)
rows, columns = torch.arange(9)[:, None] + 12, torch.arange(21)[None]
for kind in (Kind(causal=True), Kind(window=(5, 2)), Kind(window=(3, -1)), Kind(causal=True, window=(4, 9))):
    right = 0 if kind.causal else kind.window[1]
    seen = (columns <= rows + (right if right >= 0 else 99)) & (
        columns >= rows - (kind.window[0] if kind.window[0] >= 0 else 99)
    )
    bias = torch.where(seen, 0.0, -torch.inf) - slopes[:, :, None, None] * (rows - columns).abs()
    theirs = torch.nn.functional.scaled_dot_product_attention(
        *(x.transpose(1, 2) for x in (q, k, v)), attn_mask=bias
    ).transpose(1, 2)
    assert torch.allclose(attention((q, k, v), kind, Extra(slopes=slopes)), theirs, rtol=1e-12), kind

more = attention((k, q, q), Kind(causal=True))
assert bool((more[:, :12] == 0).all()), "a query that sees no key gives zeros"
leaf = q.clone().requires_grad_()
attention((k, leaf, leaf), Kind(causal=True)).sum().backward()
assert bool(torch.isfinite(leaf.grad).all())
kept = torch.rand(2, 4, 9, 21) > 0.5
some = attention((q, k, v), Kind(dropout=0.5), Extra(kept=kept))
rest = attention((q, k, v), Kind(dropout=0.5), Extra(kept=~kept))
assert torch.allclose(some + rest, 2 * attention((q, k, v), Kind()), rtol=1e-12)

exact = torch.randn(1000)
low = exact.half()
def outcome(ours):
    return judge([Answer("x", ours, exact, low)], Rule()).outcome
assert outcome(low) == "passed"
assert outcome((exact * 1.01).half()) == "failed"
assert outcome((exact * 1.002).half()) == "failed", "a bias below the largest error is seen in the mean one"
for bad in (float("nan"), float("inf")):
    spoiled = low.clone()
    spoiled[3] = bad
    assert outcome(spoiled) == "failed"
assert judge([Answer("x", low, exact, low * float("nan"))], Rule()).outcome == "failed"
assert outcome(low[:-1]) == "failed" and outcome(exact) == "failed"
"""

SPEED = """
from factory.gpu_test.trial.rule import as_fast

def outcome(*ratios):
    return as_fast(ratios * 5).outcome
assert outcome(1.0, 1.004, 0.997) == "passed"
assert outcome(1.05, 1.051, 1.049) == outcome(0.95, 0.951, 0.949) == "failed"
assert outcome(0.9, 1.05, 1.2) == "passed", "less than what the rounds differ by"
assert outcome(1.0, 1.0, 1.0, 1.0, 40.0) == "passed", "one round that something else disturbed"
assert outcome(1.5, 1.6, 1.7) == "failed"
"""

# The kernels keep the weights and the gradient of the scores in the low precision, and compute gradients from the
# rounded output (the paper's algorithm 2 reads it back); the smallest inputs leave the most to chance.
ROUNDED = """
import math
import torch
from factory.gpu_test.trial import dense, shapes
from factory.gpu_test.trial.request import Request

class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(context, q, k, v, causal):
        times, low = q.shape[2] // k.shape[2], q.dtype
        q, k, v = (x.double().transpose(1, 2) for x in (q, *(x.repeat_interleave(times, dim=2) for x in (k, v))))
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        seen = torch.ones(scores.shape[-2:], dtype=torch.bool)
        seen = seen.tril(seen.shape[1] - seen.shape[0]) if causal else seen
        weights = torch.where(seen, torch.exp(scores - scores.amax(-1, keepdim=True)), 0.0)
        total = weights.sum(-1, keepdim=True)
        out = torch.where(total > 0, (weights.to(low).double() @ v) / total, 0.0).to(low)
        context.save_for_backward(q, k, v, out, torch.where(total > 0, weights / total, 0.0))
        context.times = times
        return out.transpose(1, 2)

    @staticmethod
    def backward(context, gradient):
        q, k, v, out, weights = context.saved_tensors
        low, gradient, scale = out.dtype, gradient.double().transpose(1, 2), 1 / math.sqrt(q.shape[-1])
        scores = weights * (gradient @ v.mT - (gradient * out.double()).sum(-1, keepdim=True))
        scores = scores.to(low).double()
        own = [(scale * (scores @ k)).to(low), (scale * (scores.mT @ q)).to(low)]
        own.append((weights.to(low).double().mT @ gradient).to(low))
        shared = [x.double().unflatten(1, (-1, context.times)).sum(2).to(low) for x in own[1:]]
        return *(x.transpose(1, 2) for x in (own[0], *shared)), None

dense.flash_attn_func = lambda q, k, v, causal, **_: Rounded.apply(q, k, v, causal)
every = (*shapes._short(backward=True), *shapes._widths(backward=True))
cases = [case for case in every if case.head_size <= 8 or max(case.seqlens) <= 2]
assert len(cases) >= 8, "one token, two, and heads of a few numbers"
for case in cases:
    for seed in range(200):
        result = dense.compare(case, Request(group="shapes", seed=seed, version="", device="cpu"))
        assert result.share < 0.7, (case.name, seed, result)
"""

# Each copy of the library has a number of its own: where it lies in memory.
EXTENSION = """
#include <pybind11/pybind11.h>
static const char here = 0;
PYBIND11_MODULE(flash_attn_2_cuda, module) {
    module.def("which", [] { return reinterpret_cast<std::size_t>(&here); });
}
"""
TWO = """
sys.path.insert(0, sys.argv[1])
from factory.gpu_test.trial.extension import load, using
from flash_attn import flash_attn_interface as interface

def which():
    return interface.flash_attn_gpu.which()
own = which()
with using(load(sys.argv[2])):
    assert which() == load(sys.argv[2]).which() != own
assert which() == own
with using(None):
    assert which() == own
"""


@dataclass(frozen=True)
class Trial:
    """An interpreter with torch, and a copy of the trial as it lies beside a clean environment."""

    python: Path
    copy: Path

    def run(self, script: str, *words: str, fault: str = "") -> subprocess.CompletedProcess[str]:
        paths = [str(self.copy), str(ROOT / "tests" / "data" / "standin")]
        command = [str(self.python), "-I", "-c", f"import sys; sys.path[:0] = {paths!r}\n{script}", *words]
        env = {**os.environ, "STANDIN_FAULT": fault, "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    def group(self, name: str, fault: str = "", **more: object) -> tuple[int, list[dict[str, Any]]]:
        words: dict[str, object] = {
            "group": name,
            "seed": 5,
            "disabled": [],
            "version": "2.8.3.post2",
            "beside": None,
            "device": "cpu",
        }
        request = self.copy / "request.json"
        request.write_text(json.dumps({**words, **more}))
        start = "from factory.gpu_test.trial.main import main; sys.exit(main(sys.argv[1]))"
        done = self.run(SMALL + start, str(request), fault=fault)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    bench = make_bench(tmp_path_factory.mktemp("bench"))
    copy = tmp_path_factory.mktemp("trial")
    place = copy / "factory" / "gpu_test"
    shutil.copytree(ROOT / "factory" / "gpu_test" / "trial", place / "trial")
    for package in (copy / "factory", place):
        (package / "__init__.py").touch()
    return Trial(host.prepare(bench.cell(), bench.installer).python, copy)


def failed(lines: list[dict[str, Any]]) -> list[str]:
    return [line["name"] for line in lines if line.get("outcome") == "failed"]


def test_the_reference_is_torchs_own_attention_and_the_rule_sees_errors(trial: Trial) -> None:
    done = trial.run(SDPA)
    assert done.returncode == 0, done.stderr


def test_two_builds_are_as_fast_within_what_the_rounds_differ_by(trial: Trial) -> None:
    done = trial.run(SPEED)
    assert done.returncode == 0, done.stderr


def test_a_right_wheel_is_not_failed_by_chance(trial: Trial) -> None:
    done = trial.run(ROUNDED)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("group", ["import", "forward", "varlen", "kvcache", "architectures"])
def test_what_is_right_passes(trial: Trial, group: str) -> None:
    code, lines = trial.group(group)
    cases = [line for line in lines if line["kind"] == "case"]
    assert code == 0
    assert failed(lines) == []
    assert lines[-1] == {"kind": "end", "cases": len(cases)}
    assert len({case["name"] for case in cases}) == len(cases)
    assert lines[0]["kind"] == ("machine" if group == "import" else "case")


@pytest.mark.parametrize("group", ["forward", "varlen"])
@pytest.mark.parametrize("fault", ["small:64", "nan", "causal", "heads"])
def test_what_is_wrong_fails(trial: Trial, group: str, fault: str) -> None:
    code, lines = trial.group(group, fault)
    wrong = failed(lines)
    assert code == 0
    assert wrong
    if fault == "small:64":
        assert {name.split()[1] for name in wrong} == {"d64"}
        assert {name.split()[0] for name in wrong} == {"fp16", "bf16"}
    if fault == "causal":
        assert all(" causal " in name for name in wrong)


@pytest.mark.parametrize(("group", "fault"), [("varlen", "empty"), ("kvcache", "rotary"), ("kvcache", "append")])
def test_only_what_uses_a_broken_part_fails(trial: Trial, group: str, fault: str) -> None:
    _, lines = trial.group(group, fault)
    wrong = failed(lines)
    assert wrong
    if fault != "empty":
        assert all(fault in name for name in wrong)
        assert len(wrong) == sum(fault in line["name"] for line in lines if line["kind"] == "case")


def test_another_build_of_the_extension_is_really_another(trial: Trial, tmp_path: Path) -> None:
    """From version 3 on pybind11 gives a module that is loaded already instead of another of its name."""
    for place in ("own/flash_attn", "other"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "own" / "flash_attn" / "__init__.py").touch()
    interface = tmp_path / "own" / "flash_attn" / "flash_attn_interface.py"
    interface.write_text("import flash_attn_2_cuda as flash_attn_gpu\n")
    (tmp_path / "code.cpp").write_text(EXTENSION)
    headers = trial.run("import sysconfig; print(sysconfig.get_path('include'))").stdout.strip()
    own, other = (tmp_path / place / "flash_attn_2_cuda.so" for place in ("own", "other"))
    command = ["g++", "-shared", "-fPIC", "-O0", f"-I{headers}", f"-I{pybind11.get_include()}", "-o", own, "code.cpp"]
    done = process.run([str(word) for word in command], cwd=tmp_path)
    assert done.ok, done.stderr
    shutil.copy(own, other)
    done_there = trial.run(TWO, str(tmp_path / "own"), str(other))
    assert done_there.returncode == 0, done_there.stderr


def test_a_missing_kernel_is_named(trial: Trial) -> None:
    _, lines = trial.group("forward", "kernels")
    assert {line["why"] for line in lines if line["kind"] == "case"} == {
        "RuntimeError: CUDA error: no kernel image is available for execution on the device"
    }


def test_what_the_profile_leaves_out_is_said_and_not_tried(trial: Trial) -> None:
    _, lines = trial.group("varlen", disabled=["BACKWARD", "ALIBI", "SOFTCAP", "LOCAL", "UNEVEN_K"])
    skipped = [line for line in lines if line.get("outcome") == "skipped"]
    assert failed(lines) == []
    assert any(line["why"] == "the profile leaves out BACKWARD" for line in skipped)
    assert not any("backward" in line["name"] for line in lines if line.get("outcome") == "passed")


def test_what_should_be_refused_and_is_not_fails(trial: Trial) -> None:
    _, lines = trial.group("refused", disabled=["LOCAL"])
    assert sum(name.startswith("LOCAL: ") for name in failed(lines)) == 3
