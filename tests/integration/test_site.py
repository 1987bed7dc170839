"""The page for people in a real Chromium. Set SITE_SCREENSHOTS to a directory to look at it."""

import functools
import http.server
import itertools
import json
import os
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from factory.index.index import index
from factory.index.published import Gpu, Published
from factory.index.served import flash_attn_wheel
from factory.index.served.flash_attn_wheel import Environment
from factory.matrix import wheelname
from factory.matrix.cells import expand
from factory.matrix.load import load as load_matrix
from factory.matrix.model import State
from factory.versions import version_key
from tests import npmpackage
from tests.frozen import MATRIX
from tests.integration.browser import Browser, browser
from tests.samplewheels import FACTS, NOTHING, RULES, many, named, wheel

pytestmark = pytest.mark.e2e_site

AXE_PIN = json.loads((Path(__file__).parents[1] / "data" / "axe-core.json").read_text())
TAB, ENTER = "\ue004", "\ue007"
PASTE = """Collecting environment information...
PyTorch version: 2.6.0+cu124
Is debug build: False
CUDA used to build PyTorch: 12.4
ROCM used to build PyTorch: N/A

OS: Ubuntu 22.04.4 LTS (x86_64)
Libc version: glibc-2.35

Python version: 3.10.12 (main, Nov 20 2023, 15:14:05) [GCC 11.4.0] (64-bit runtime)
Is CUDA available: True
CUDA runtime version: 12.4.131
GPU models and configuration:
GPU 0: NVIDIA H100 80GB HBM3
GPU 1: NVIDIA H100 80GB HBM3

Nvidia driver version: 550.54.15
"""


@dataclass(frozen=True)
class Site:
    """An index in a directory, served at ``url``."""

    wheels: list[Published]
    root: Path
    url: str


def chosen_wheels() -> list[Published]:
    """Give one wheel of every cell of the matrix that is built, a withdrawn one, and one of a profile."""
    matrix = load_matrix(MATRIX.read_bytes())
    cells = [row.cell for row in expand(matrix) if row.state is State.BUILD]
    made = [
        named(
            wheelname.wheel_filename(cell),
            cuda=cell.cuda,
            archs=tuple(f"sm_{arch.number}" for arch in cell.archs),
            gpu=Gpu(verdict="passed", name="NVIDIA H100 80GB HBM3") if at % 3 else Gpu(verdict="untested"),
            attested=at % 2 == 0,
        )
        for at, cell in enumerate(cells)
    ]
    made[0] = replace(made[0], yanked="its kernels are of another torch")
    return [*made, wheel(profile="smoke"), wheel("2.8.3.post2", archs=("sm_90a", "compute_90"))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with served(chosen_wheels(), tmp_path_factory.mktemp("site")) as made:
        yield made


class served:  # noqa: N801  # used as a function is
    """Write an index of ``wheels`` and serve it while the block runs."""

    def __init__(self, wheels: list[Published], root: Path) -> None:
        index(wheels, facts=FACTS, former=NOTHING, out=root, say=lambda _: None)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._site = Site(wheels=wheels, root=root, url=f"http://127.0.0.1:{self._server.server_port}/")

    def __enter__(self) -> Site:
        self._thread.start()
        return self._site

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "these tests need chromium: apt-get install chromium chromium-driver"
    assert driver, "these tests need its driver: apt-get install chromium-driver"
    with browser(chromium, driver) as made:
        yield made


@pytest.fixture
def page(window: Browser, site: Site) -> Browser:
    window.look(width=1200, height=900, dark=False)
    window.open(site.url)
    return window


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    directory = Path(os.environ.get("SITE_SCREENSHOTS", tmp_path))
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def paste(page: Browser, text: str) -> None:
    page.run("const t = byId('paste'); t.value = arguments[0]; t.dispatchEvent(new Event('input'))", text)


def answer(page: Browser) -> str:
    return str(page.run("return byId('answer').innerText"))


def lines(page: Browser) -> list[str]:
    found: list[str] = page.run("return [...document.querySelectorAll('#answer code')].map((code) => code.textContent)")
    return found


def test_what_collect_env_prints_gives_the_wheel_and_its_lines(page: Browser, site: Site) -> None:
    paste(page, PASTE)
    one = next(one for one in site.wheels if one.filename == wheel("2.8.3.post2").filename)
    read = page.run("return byId('read').textContent")
    assert read == "Read: torch 2.6, CUDA 12.4, Python 3.10, glibc 2.35, driver 550, GPU 9.0, platform x86_64."
    told = flash_attn_wheel.install_lines(one.row, site.url, RULES["repository"])
    assert lines(page) == list(told.values())
    beside = page.run("return [...document.querySelectorAll('#answer dd a')].map((link) => link.textContent)")
    assert beside == ["lock", "requirements", "report", "verdict", "SBOM", "attestation"]
    for fact in (
        one.filename,
        f"{one.size / 1e6:.1f} MB",
        "9.0a 9.0+PTX",
        "2.28 or newer",
        "passed on NVIDIA H100 80GB HBM3",
        "2026-11-22",
    ):
        assert fact in answer(page)


def test_the_table_follows_the_choice(page: Browser) -> None:
    paste(page, PASTE)
    rows = "[...document.querySelectorAll('tbody tr')].filter((row) => row.offsetHeight)"
    shown = page.run(f"return {rows}.map((row) => [row.cells[0].textContent, row.cells[1].textContent])")
    assert shown == [["3.10", "2.8.3.post2"], ["3.10", "2.7.4.post1"]]
    page.run("document.querySelector('button[type=reset]').click()")
    page.run("return new Promise((done) => setTimeout(done, 50))")
    assert page.run("return document.querySelectorAll('tbody tr[hidden]').length") == 0
    assert answer(page) == ""


def test_text_of_something_else_is_told_so(page: Browser) -> None:
    paste(page, "Hello")
    assert page.run("return byId('read').textContent") == "Nothing of torch's environment is in this text."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("build PyTorch: 12.4", "build PyTorch: None", "This torch is built without CUDA: install one with it. Read: "),
        ("OS: Ubuntu 22.04.4 LTS (x86_64)", "OS: Microsoft Windows 11 Pro", "These wheels are for Linux. Read: "),
    ],
)
def test_what_no_wheel_can_fit_is_told_first(old: str, new: str, said: str, page: Browser) -> None:
    paste(page, PASTE.replace(old, new))
    assert page.run("return byId('read').textContent").startswith(said)


def test_no_wheel_names_the_axis_and_the_command(page: Browser) -> None:
    paste(page, PASTE.replace("2.6.0+cu124", "2.99.0+cu124"))
    assert "No wheel fits" in answer(page)
    assert "torch: you have 2.99, there is " in answer(page)
    assert "None can be built: there is torch 2.4, 2.5, " in answer(page)
    assert lines(page) == []
    paste(page, PASTE.replace("glibc-2.35", "glibc-2.17"))
    assert "glibc: you have 2.17, there is 2.28 or newer" in answer(page)
    assert lines(page) == ["nox -s build -- cu124 torch2.6 cp310 --backend host"]


CONTAINER = """PyTorch version: 2.9.0a0+50eac811a6.nv25.10
CUDA used to build PyTorch: 13.0
OS: Ubuntu 24.04.3 LTS (aarch64)
Python version: 3.12.3 (main, Aug 14 2025, 17:47:21) [GCC 13.3.0] (64-bit runtime)
Python platform: Linux-6.11.0-1016-nvidia-aarch64-with-glibc2.39
GPU models and configuration: GPU 0: NVIDIA GB10
Nvidia driver version: 580.95.05
"""
NIGHTLY = """PyTorch version: 2.11.0.dev20260101+cu130
CUDA used to build PyTorch: 13.0
Python version: 3.14.0 free-threading build (main, Oct  7 2025, 15:34:24) [Clang 20.1.4 ] (64-bit runtime)
Python platform: Linux-6.8.0-x86_64-with-glibc2.39
GPU models and configuration:
GPU 0: NVIDIA GeForce RTX 2080 Ti
GPU 1: NVIDIA L4
GPU 2: NVIDIA Quark 9000
"""
FREE = """PyTorch version: 2.7.1+cu128
CUDA used to build PyTorch: 12.8
Python version: 3.13.1 experimental free-threading build (main, Dec 19 2024, 14:22:59) [Clang 18.1.8 ] (64-bit runtime)
GPU models and configuration: Could not collect
"""
PASTES = [
    (PASTE, Environment("3.10", "2.6", "12.4", machine="x86_64", glibc="2.35", gpus=("9.0",), driver=550), ""),
    (
        CONTAINER,
        Environment("3.12", "2.9", "13.0", machine="aarch64", glibc="2.39", gpus=("12.1",), driver=580),
        "torch 2.9.0a0+50eac811a6.nv25.10 is a pre-release",
    ),
    (
        NIGHTLY,
        Environment("3.14t", "2.11", "13.0", machine="x86_64", glibc="2.39", gpus=("7.5", "8.9")),
        "The GPU NVIDIA Quark 9000 is not known here",
    ),
    (FREE, Environment("3.13t", "2.7", "12.8"), ""),
    (
        PASTE.replace("2.6.0+cu124", "2.5.1+cu121").replace("PyTorch: 12.4", "PyTorch: 12.1"),
        Environment("3.10", "2.5", "12.1", machine="x86_64", glibc="2.35", gpus=("9.0",), driver=550),
        "",
    ),
]


@pytest.mark.parametrize(("text", "environment", "note"), PASTES)
def test_a_pasted_text_and_its_environment_get_the_same_answer(
    text: str, environment: Environment, note: str, page: Browser, site: Site
) -> None:
    read = page.run("return readPaste(arguments[0], rules)", text)
    known = {axis: value for axis, value in wanted(environment).items() if value and axis != "profile"}
    assert {axis: int(value) if axis == "driver" else value for axis, value in read["read"].items() if value} == known
    paste(page, text)
    assert note in page.run("return byId('read').textContent")
    ours = flash_attn_wheel.resolve(environment, [one.row for one in site.wheels], RULES)
    if ours.wheel:
        assert ours.wheel["filename"] in answer(page)
        told = flash_attn_wheel.install_lines(ours.wheel, site.url, RULES["repository"])
        assert lines(page) == list(told.values())
    built = [line for line in lines(page) if line.startswith("nox")]
    assert built == ([f"nox -s build -- {ours.build}"] if ours.build else [])
    assert ours.unbuildable in answer(page)


def test_a_line_for_the_attestation_is_given_where_there_is_one(page: Browser, site: Site) -> None:
    given = {True: 0, False: 0}
    for one in (one for one in site.wheels[-40:] if one.yanked is None and one.name.profile == "full"):
        told = flash_attn_wheel.install_lines(one.row, site.url, RULES["repository"])
        row = f"installLines(wheels.find((one) => one.filename === '{one.filename}')).map(([, line]) => line)"
        assert page.run(f"return {row}") == list(told.values())
        given["attestation" in told] += 1
    assert all(given.values())


def test_there_is_an_answer_on_arrival(page: Browser, site: Site) -> None:
    newest = max(site.wheels, key=lambda one: (version_key(one.name.torch), version_key(one.name.python)))
    assert newest.filename in answer(page)
    assert page.run("return document.querySelectorAll('tbody tr[hidden]').length") == 0
    assert page.run("return document.querySelector('footer a:last-child').href") == "https://github.com/owner/repo"


CHOOSE = """
const select = byId(arguments[0]);
select.value = arguments[1];
select.dispatchEvent(new Event("change"));
"""
GREYED = "return [...byId(arguments[0]).options].filter((one) => one.disabled).map((one) => one.value)"


def test_choices_that_cannot_be_are_greyed(page: Browser, site: Site) -> None:
    page.run(CHOOSE, "torch", "2.6")
    assert page.run(GREYED, "torch") == []
    there = {one.name.python for one in site.wheels if one.name.torch == "2.6" and one.yanked is None}
    assert "3.14" in page.run(GREYED, "python")
    assert not there & set(page.run(GREYED, "python"))
    assert "13.0" in page.run(GREYED, "cuda")
    assert page.run("return byId('cuda').selectedOptions[0].disabled") is False
    assert {"7.0", "7.5"} <= set(page.run(GREYED, "gpu"))
    assert "torch2.6" in answer(page)


def test_a_link_holds_the_choice(page: Browser, site: Site) -> None:
    paste(page, PASTE)
    link = page.run("return location.href")
    assert link == f"{site.url}#torch=2.6&cuda=12.4&python=3.10&gpu=9.0&machine=x86_64&glibc=2.35&driver=550"
    said = answer(page)
    page.open("about:blank")
    page.open(link)
    assert answer(page) == said
    page.run("location.hash = '#torch=2.99&cuda=12.4&python=3.10'")
    page.run("return new Promise((done) => setTimeout(done, 50))")
    assert "torch: you have 2.99" in answer(page)


def test_an_old_driver_is_not_answered_with_a_build(page: Browser) -> None:
    paste(page, PASTE.replace("550.54.15", "470.1"))
    assert "driver: you have 470, there is 525 or newer for CUDA 12" in answer(page)
    assert lines(page) == []


def test_the_page_chooses_as_the_resolver_does(page: Browser, site: Site) -> None:
    rows = [one.row for one in site.wheels]
    environments = list(random_environments(200))
    theirs = page.run(ASK_ALL, [wanted(one) for one in environments])
    kinds = set()
    for environment, found in zip(environments, theirs, strict=True):
        ours = flash_attn_wheel.resolve(environment, rows, RULES)
        kinds.add((ours.wheel is not None, ours.several))
        assert found["wheel"] == (ours.wheel["filename"] if ours.wheel else None), environment
        assert found["several"] == ours.several, environment
        assert (found["build"], found["unbuildable"]) == (ours.build, ours.unbuildable), environment
        assert sorted(found["missing"]) == sorted(missing(environment, ours, rows)), environment
    assert len(kinds) == 3


ASK_ALL = """
return arguments[0].map((wanted) => {
  const { wheel, open, misses, build, unbuildable } = resolve(wanted, wheels, rules);
  return {
    build: build ?? "",
    unbuildable: unbuildable ?? "",
    wheel: wheel?.filename ?? null,
    several: Boolean(open),
    missing: (misses ?? []).map((axes) => axes.map(({ axis }) => names[axis]).sort().join()),
  };
});
"""


def random_environments(count: int) -> Iterator[Environment]:
    pick = random.Random(6).choice  # noqa: S311  # the same ones each time
    for _ in range(count):
        yield Environment(
            python=pick([None, "3.9", "3.10", "3.12", "3.14", "3.15"]),
            torch=pick([None, "2.4", "2.6", "2.9", "2.15", "2.99"]),
            cuda=pick([None, "12.4", "12.6", "12.9", "13.0", "11.8"]),
            cxx11abi=pick([None, None, True, False]),
            flash_attn=pick([None, None, "2.7.4.post1", "2.8.3.post2"]),
            profile=pick(["full", "full", "smoke"]),
            glibc=pick([None, "2.17", "2.28", "2.39"]),
            gpus=pick([(), ("9.0",), ("8.6",), ("7.5",), ("12.1",), ("7.5", "8.9")]),
            driver=pick([None, 470, 550, 580]),
            machine=pick([None, None, "x86_64", "aarch64"]),
        )


def wanted(environment: Environment) -> dict[str, Any]:
    """Spell an environment as the page does."""
    return {
        "python": environment.python or "",
        "torch": environment.torch or "",
        "cuda": environment.cuda or "",
        "abi": "" if environment.cxx11abi is None else str(environment.cxx11abi).upper(),
        "version": environment.flash_attn or "",
        "profile": environment.profile,
        "glibc": environment.glibc,
        "gpu": " ".join(environment.gpus),
        "machine": environment.machine or "",
        "driver": environment.driver,
    }


def missing(environment: Environment, ours: flash_attn_wheel.Answer, rows: list[flash_attn_wheel.Row]) -> set[str]:
    """Give the groups of axes that miss together, as the page names them."""
    if ours.wheel or ours.several:
        return set()
    missed = [flash_attn_wheel.missed(row, environment, RULES) for row in rows if row["yanked"] is None]
    fewest = min(map(len, missed))
    return {",".join(sorted(axes)).replace("C++ ABI", "C++11 ABI") for axes in missed if len(axes) == fewest}


UNTIL_TOLD = """
const button = document.querySelector('#answer button');
return new Promise((done) => setInterval(() => { if (button.textContent !== "Copy") done(button.textContent); }, 10));
"""


def test_a_line_is_copied(page: Browser, site: Site) -> None:
    page.command(
        "Browser.grantPermissions", origin=site.url, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    paste(page, PASTE)
    page.run("document.querySelector('#answer button').focus()")
    page.press(ENTER)
    assert page.run(UNTIL_TOLD) == "Copied"
    assert page.run("return navigator.clipboard.readText()") == lines(page)[0]


def test_without_javascript_every_wheel_is_there(page: Browser, site: Site) -> None:
    page.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(site.url)
        assert page.run("return document.getElementById('environment').offsetHeight") == 0
        links = page.run("return [...document.querySelectorAll('tbody .link a')].map((link) => link.href)")
        assert sorted(links) == sorted(f"{one.url}#sha256={one.sha256}" for one in site.wheels)
        assert "withdrawn: its kernels are of another torch" in page.run("return document.body.textContent")
    finally:
        page.command("Emulation.setScriptExecutionDisabled", value=False)


def test_it_works_from_a_mirror_in_files(window: Browser, site: Site) -> None:
    window.open((site.root / "index.html").as_uri())
    paste(window, PASTE)
    assert wheel("2.8.3.post2").filename in answer(window)


def test_a_keyboard_reaches_everything(page: Browser) -> None:
    page.press(TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to the table of wheels"
    reached = []
    for _ in range(8):
        page.press(TAB)
        reached.append(page.run("return document.activeElement.id || document.activeElement.textContent"))
    assert reached == ["paste", "torch", "cuda", "python", "abi", "version", "gpu", "profile"]
    outline = page.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.run("document.querySelector('.skip').focus()")
    page.press(ENTER)
    assert page.run("return document.activeElement.id") == "wheels"


def test_a_screen_reader_hears_what_each_thing_is(page: Browser) -> None:
    headings = page.run("return [...document.querySelectorAll('section h3')].map((one) => one.textContent)")
    assert [name for role, name in heard_on(page) if role == "heading" and name in headings] == headings
    paste(page, PASTE)
    page.run("byId('wheels').focus()")
    heard = heard_on(page)
    assert not [
        role for role, name in heard if role in {"textbox", "combobox", "button", "link", "columnheader"} and not name
    ]
    for control in [("textbox", "Output of collect_env"), ("combobox", "torch"), ("button", "Copy the pip line")]:
        assert control in heard
    links = [name for role, name in heard if role == "link" and name.startswith("whl")]
    assert links == [f"whl 3.10 {version}" for version in ("2.8.3.post2", "2.7.4.post1")]
    levels = page.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))
    assert page.run("return byId('answer').getAttribute('aria-live')") == "polite"


def heard_on(page: Browser) -> list[tuple[str, str]]:
    """Give role and name of everything a screen reader is told of."""
    page.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    nodes = page.command("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and "role" in node
    ]


AXE = """
return axe.run(document, { resultTypes: ["violations"] })
  .then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`));
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200], ids=["narrow", "wide"])
def test_axe_finds_nothing(width: int, dark: bool, page: Browser) -> None:  # noqa: FBT001
    page.look(width=width, height=1100, dark=dark)
    page.run(npmpackage.content(AXE_PIN).decode())
    assert page.run(AXE) == []
    paste(page, PASTE)
    page.run("document.querySelector('details').open = true")
    assert page.run(AXE) == []
    paste(page, PASTE.replace("2.6.0+cu124", "2.99.0+cu124"))
    assert page.run(AXE) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200], ids=["narrow", "wide"])
def test_light_and_dark_wide_and_narrow(width: int, dark: bool, page: Browser, shots: Path) -> None:  # noqa: FBT001
    page.look(width=width, height=1100, dark=dark)
    name = f"{'wide' if width > 600 else 'narrow'}-{'dark' if dark else 'light'}"
    page.screenshot(shots / f"{name}-start.png")
    paste(page, PASTE)
    page.screenshot(shots / f"{name}-answer.png")
    page.run("byId('wheels').scrollIntoView()")
    page.screenshot(shots / f"{name}-table.png")
    red, green, blue = page.run("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red + green + blue < 3 * 128) is dark
    assert page.run("return document.documentElement.scrollWidth") <= width


@pytest.fixture
def status_page(window: Browser, site: Site) -> Browser:
    window.look(width=1200, height=900, dark=False)
    window.open(f"{site.url}status.html")
    return window


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200], ids=["narrow", "wide"])
def test_the_status_page_is_as_accessible_as_the_other(
    width: int,
    dark: bool,  # noqa: FBT001
    status_page: Browser,
    shots: Path,
) -> None:
    status_page.look(width=width, height=1100, dark=dark)
    name = f"{'wide' if width > 600 else 'narrow'}-{'dark' if dark else 'light'}"
    status_page.screenshot(shots / f"{name}-status.png")
    status_page.run(npmpackage.content(AXE_PIN).decode())
    assert status_page.run(AXE) == []
    colours = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (sum(status_page.run(colours)) < 3 * 128) is dark
    assert status_page.run("return document.documentElement.scrollWidth") <= width
    levels = status_page.run("return [...document.querySelectorAll('h1, h2, h3')].map((one) => Number(one.tagName[1]))")
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_a_screen_reader_and_a_keyboard_find_their_way_in_the_status(page: Browser, site: Site) -> None:
    page.run("document.querySelector('footer a[href=\"status.html\"]').click()")
    page.run("return new Promise((done) => setTimeout(done, 200))")
    assert page.run("return location.href") == f"{site.url}status.html"
    heard = heard_on(page)
    tables = [name for role, name in heard if role == "table"]
    assert tables[:2] == ["Jobs of the last run", "Missing"]
    assert ("rowheader", "cu124 torch2.4 abiFALSE fa2.7.4.post1 x86_64") in heard
    page.press(TAB)
    assert page.run("return document.activeElement.textContent") == "Skip to what is missing"
    page.press(ENTER)
    assert page.run("return document.activeElement.id") == "missing"


def test_four_thousand_wheels_stay_fast(window: Browser, tmp_path: Path) -> None:
    with served(many(4000), tmp_path) as site:
        window.look(width=1200, height=900, dark=False)
        window.open(site.url)
        loaded = window.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert window.run("return wheels.length") == 4000
        taken = window.run(
            "const start = performance.now(); byId('torch').value = '2.9'; update(); document.body.offsetHeight;"
            "return performance.now() - start"
        )
    print(f"4000 wheels: loaded in {loaded:.0f} ms, a choice takes {taken:.0f} ms")  # noqa: T201  # shown with -s
    assert loaded < 5000
    assert taken < 1000
