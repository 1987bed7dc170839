import pytest

from project.changelog import section

TEXT = """# Changelog

## 0.2.0 (2026-12-01)

What is new.

### More

- one

## 0.1.10 (2026-11-01)

Before.

## 0.1.1 (unreleased)

Not yet.

## 0.1.0 (2026-10-01)
"""


def test_it_is_what_stands_between_two_headings() -> None:
    assert section(TEXT, "0.2.0") == "What is new.\n\n### More\n\n- one\n"
    assert section(TEXT, "0.1.10") == "Before.\n"


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("0.3.0", "has no headings like: ## 0.3.0"),
        ("0.1", "has no headings"),
        ("0.1.1", "'unreleased' in place of the day"),
        ("0.1.0", "says nothing of 0.1.0"),
    ],
)
def test_what_is_not_ready_is_refused(version: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        section(TEXT, version)


def test_a_heading_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 headings"):
        section(TEXT + TEXT, "0.2.0")
