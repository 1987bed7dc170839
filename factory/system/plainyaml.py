"""YAML of which every scalar is text, as the factory's own data has it: 12.10 is no number, no is no truth value."""

from __future__ import annotations

from typing import Any

import yaml

# libyaml's is ten times as fast; PyYAML made without it has only its own
BASE: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""The loader that makes strings, lists and dictionaries, and nothing else."""


def load(text: str) -> object:
    """Return what ``text`` says. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=BASE)  # noqa: S506 - makes strings only
