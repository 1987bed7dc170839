from __future__ import annotations

from pathlib import Path

import pytest

from factory.output.githubjob import LIMIT, append


def refuse(text: str) -> None:
    pytest.fail(text)


def test_pages_stand_one_below_the_other(tmp_path: Path) -> None:
    path = tmp_path / "page"
    for page in ("## one\n", "## two\n"):
        append(page, {"GITHUB_STEP_SUMMARY": str(path)}, refuse)
    assert path.read_text() == "## one\n\n## two\n\n"


@pytest.mark.parametrize("env", [{}, {"GITHUB_STEP_SUMMARY": ""}])
def test_outside_a_job_there_is_no_page(env: dict[str, str]) -> None:
    append("## one\n", env, refuse)


@pytest.mark.parametrize("place", [".", "nowhere/page", "nul\0"])
def test_a_page_that_cannot_be_written_is_told_and_nothing_more(tmp_path: Path, place: str) -> None:
    said: list[str] = []
    append("## one\n", {"GITHUB_STEP_SUMMARY": str(tmp_path / place)}, said.append)
    (line,) = said
    assert line.startswith("the job's summary cannot be written to ")


def test_what_github_would_not_take_is_cut_after_a_whole_line_and_told(tmp_path: Path) -> None:
    path = tmp_path / "page"
    env = {"GITHUB_STEP_SUMMARY": str(path)}
    row = f"| {'é' * 60} |\n"
    append(f"<details><summary>many</summary>\n\n{row * 20_000}\n</details>\n", env, refuse)
    *rows, _ = (text := path.read_text()).partition("\n</details>\n\n> Cut here: ")
    assert text.count("</details>") == 1
    assert rows[0].endswith(row.strip())
    assert LIMIT * 0.99 < path.stat().st_size <= LIMIT
    append("## more\n" * 100, env, refuse)
    assert path.stat().st_size <= LIMIT
    assert path.read_text().count("Cut here") == 1


def test_a_page_that_just_fits_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page"
    append("x" * (LIMIT - 600), {"GITHUB_STEP_SUMMARY": str(path)}, refuse)
    assert "Cut" not in path.read_text()


def test_text_that_is_no_unicode_is_no_trouble(tmp_path: Path) -> None:
    append("a\udc80b", {"GITHUB_STEP_SUMMARY": str(tmp_path / "page")}, refuse)
    assert (tmp_path / "page").read_text() == "a?b\n"
