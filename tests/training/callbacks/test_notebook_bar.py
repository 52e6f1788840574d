"""What a training shows in a notebook: one output that changes, however long it takes."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cnnlite.terminal import in_notebook
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Notebook:
    """Stands in for IPython in a kernel: notes what is displayed, and each change of it."""

    def __init__(self) -> None:
        self.displayed: list[Any] = []
        self.updates = 0
        self.display = SimpleNamespace(display=self._display)

    def get_ipython(self) -> Any:
        return SimpleNamespace(kernel=object())

    def _display(self, value: Any, display_id: bool) -> Any:
        assert display_id
        self.displayed.append(value)
        return SimpleNamespace(update=self._update)

    def _update(self, value: Any) -> None:
        assert value is self.displayed[-1]
        assert "</div>" in value._repr_html_()
        self.updates += 1


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Notebook:
    stand_in = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", stand_in)  # type: ignore[arg-type]
    return stand_in


def test_a_terminal_with_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell in (None, SimpleNamespace()):
        stand_in = SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", stand_in)  # type: ignore[arg-type]
        assert not in_notebook()


def test_one_output_that_ends_with_the_table_of_the_epochs(
    notebook: Notebook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnlite.training.callbacks.progress.REFRESH", 0.0)
    solver = trainings.solver(verbose=True, num_epochs=3)
    solver.train()
    (bar,) = notebook.displayed
    assert notebook.updates >= solver.step
    assert capsys.readouterr().out == ""
    html = bar._repr_html_()
    assert f'<progress value="{solver.step}" max="{solver.total_steps}"' in html
    assert html.count("<tr") == 4
    assert repr(bar) == "epoch 3/3"


def test_a_thousand_epochs_are_ten_rows_and_few_updates(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnlite.training.callbacks.progress.REFRESH", float("inf"))
    solver = trainings.solver(verbose=True, num_epochs=2)
    solver.train()
    solver.history.extend(dict(solver.history[-1], epoch=k) for k in range(3, 1001))
    (bar,) = notebook.displayed
    assert notebook.updates <= 2
    assert bar._repr_html_().count("<tr") == 11


def test_an_interrupted_training_says_so_below_the_table(notebook: Notebook) -> None:
    class Stop:
        def after_step(self, solver: Any) -> None:
            if solver.step == 3:
                raise KeyboardInterrupt

    trainings.solver(verbose=True, callbacks=[Stop()]).train()
    (bar,) = notebook.displayed
    assert "<p>interrupted at step 3, in epoch 1" in bar._repr_html_()
    assert "interrupted at step 3" in repr(bar)


def test_a_console_of_ones_own_is_taken_in_a_notebook_too(notebook: Notebook) -> None:
    import io

    from rich.console import Console

    from cnnlite.callbacks import Progress

    out = io.StringIO()
    trainings.solver(callbacks=[Progress(Console(file=out))], num_epochs=1).train()
    assert "val_acc" in out.getvalue()
    assert notebook.displayed == []
