"""Gradients clipped in a training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite.callbacks import Callback
from cnnlite.optim import SGD
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


class Clipping(SGD):
    """Clips as one writes it oneself."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.norms: list[float] = []

    def step(self, params: Any, grads: Any, lr_factor: float = 1.0) -> None:
        cnnlite.clip_grad_value(grads, 0.02)
        self.norms.append(cnnlite.clip_grad_norm(grads, 0.1))
        super().step(params, grads, lr_factor)


class Norms(Callback):
    def __init__(self) -> None:
        self.found: list[Any] = []

    def after_step(self, solver: Any) -> None:
        self.found.append(solver.grad_norm)


def test_clipped_by_value_then_by_norm() -> None:
    judge = Clipping(0.1)
    by_hand = trainings.solver(optimizer=judge)
    by_hand.train()
    norms = Norms()
    solver = trainings.solver(optimizer=SGD(0.1), clip_norm=0.1, clip_value=0.02, callbacks=[norms])
    solver.train()
    np.testing.assert_equal(solver.model.state_dict(), by_hand.model.state_dict())
    assert norms.found == judge.norms
    assert max(norms.found) > 0.1


def test_without_clipping_there_is_no_norm() -> None:
    solver = trainings.solver(num_epochs=1)
    solver.train()
    assert solver.grad_norm is None


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", True, [1]])
def test_bad_limits(name: str, value: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"Solver: {name} is .*, expected a number"):
        trainings.solver(**{name: value})
