"""Says at the end how many cases were judged."""

import pytest

from tests.judge import cases


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if cases.done:
        text = ", ".join(f"{count} {suite}" for suite, count in cases.done.items())
        terminalreporter.write_line(f"cases judged: {text}")
