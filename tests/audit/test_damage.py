"""Wheels and reports with damage anywhere: everything becomes a finding, nothing a traceback."""

from __future__ import annotations

import json
import random
import zipfile
from dataclasses import asdict
from pathlib import Path

from factory.audit import page
from factory.audit.audit import audit, known, report_path, write
from factory.audit.report import read_report
from tests.publishing import wheel_name

INFO = "flash_attn-2.7.4.post1+cu12torch2.6cxx11abifalse.dist-info"
TEXTS = {
    "METADATA": b"Metadata-Version: 2.1\nName: flash_attn\nVersion: 2.7.4.post1+cu12torch2.6cxx11abifalse\n"
    b"Classifier: Programming Language :: Python :: 3\nRequires-Python: >=3.9\nRequires-Dist: torch==2.6.*\n"
    b"Requires-Dist: einops\n\n# FlashAttention\n",
    "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp310-cp310-linux_x86_64\n",
    "RECORD": b"flash_attn/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n",
}
ODD: tuple[object, ...] = (None, True, -1, 10**40, 1e308, "", "\ud800", [], {}, [1], {"a": 1}, "8.0")


def packed(path: Path, texts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("flash_attn/__init__.py", b"")
        for name, content in texts.items():
            archive.writestr(f"{INFO}/{name}", content)
    return path


def test_flipped_bits_in_what_describes_a_wheel_become_findings(tmp_path: Path) -> None:
    chance = random.Random(16)  # noqa: S311 - the same each time
    tried = 0
    for name, whole in TEXTS.items():
        for _ in range(270):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 3)):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            wheel = packed(tmp_path / wheel_name(), {**TEXTS, name: bytes(damaged)})
            report = audit(wheel)
            assert not report.ok
            assert read_report(report.to_json()).findings == report.findings
            assert page.markdown([report], 1).startswith("## ❌")
            tried += 1
    assert tried == 810
    write(report, report_path(wheel))


def test_a_report_of_odd_types_is_not_believed(tmp_path: Path) -> None:
    wheel = packed(tmp_path / wheel_name(), TEXTS)
    told = json.loads(audit(wheel).to_json())
    tried = 0
    places = [(told, field) for field in told] + [(told["facts"], field) for field in told["facts"]]
    places += [(told["facts"]["expected"], field) for field in told["facts"]["expected"]]
    for part, field in places:
        whole = part[field]
        for odd in ODD:
            part[field] = odd
            report_path(wheel).write_text(json.dumps(told))
            found = known(wheel)
            assert found is None or json.dumps(asdict(found), default=str)
            assert isinstance(audit(wheel, found).to_json(), str)
            tried += 1
        part[field] = whole
    assert tried > 300
    report_path(wheel).write_text("[" * 100_000)
    assert known(wheel) is None
