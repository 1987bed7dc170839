import pytest

from tests.diagnose import corpus


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of what people were really shown is understood."""
    terminalreporter.write_line(corpus.figure())
