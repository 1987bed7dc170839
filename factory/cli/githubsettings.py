"""Reads the settings of a repository on GitHub, for doctor."""

from __future__ import annotations

import os

from factory.cli import repository
from factory.doctor import strangers as strangers_of
from factory.doctor.result import Section
from factory.errors import UnreachableError
from factory.github.settings import SettingsReader
from factory.matrix.model import Matrix
from factory.system.retry import TroubleError


def strangers(matrix: Matrix) -> Section:
    """Read the repository's settings on GitHub. Raises UsageError, or UnreachableError where GitHub fails."""
    named = repository.needed(None)
    reader = SettingsReader(named, token=os.environ.get("GITHUB_TOKEN"), api=repository.api())
    try:
        return strangers_of.section(named, reader.read(), matrix)
    except TroubleError as error:
        raise UnreachableError("GitHub does not say its settings", why=[str(error)], remedy="Try again.") from error
    finally:
        reader.close()
