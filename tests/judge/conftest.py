"""The judge in one thread, and how many cases were judged."""

from typing import Any

import pytest

from tests.judge import cases


@pytest.fixture(scope="session")
def torch(torch: Any) -> Any:
    """PyTorch, for tensors so small that its threads would only wait for one another."""
    torch.set_num_threads(1)
    return torch


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if cases.done:
        text = ", ".join(f"{count} {suite}" for suite, count in cases.done.items())
        terminalreporter.write_line(f"cases judged: {text}")
