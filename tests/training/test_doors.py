"""The public paths of the training room are doors: the same objects, and no others."""

from __future__ import annotations

from importlib import import_module

import pytest

DOORS = {
    "solver": ("training.solver", "training.interruption"),
    "checkpoint": ("training.checkpoint",),
    "callbacks": ("training.callbacks",),
    "evaluation": ("training.evaluation",),
    "endings": ("training.interruption",),
    "schedules": ("optim.schedules",),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_leads_to_its_room(door: str) -> None:
    module = import_module(f"cnnlite.{door}")
    rooms = [import_module(f"cnnlite.{room}") for room in DOORS[door]]
    assert module.__all__
    for name in module.__all__:
        assert any(getattr(room, name, None) is getattr(module, name) for room in rooms), name


def test_a_training_and_its_callbacks_do_not_know_each_other_in_a_circle() -> None:
    """Checkpoint, callbacks and record imported Solver for their annotations."""
    for name in ("state", "record", "checkpoint", "callbacks.callback", "callbacks.progress"):
        path = import_module(f"cnnlite.training.{name}").__file__
        assert path is not None
        with open(path, encoding="utf-8") as file:
            assert "training.solver" not in file.read(), name
