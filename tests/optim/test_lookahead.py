"""Lookahead's slow weights, its state, and a training that is killed and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import Solver, data
from cnnlite.models import two_layer_net
from cnnlite.optim import SGD, Lookahead, Muon


def make(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"w": rng.standard_normal((3, 4)), "b": rng.standard_normal(3)}


def test_the_slow_weights_follow_after_every_k_steps() -> None:
    """Algorithm 1 of the paper, written out."""
    params, fast = make(0), make(0)
    slow = {key: array.copy() for key, array in fast.items()}
    ours, inner = Lookahead(SGD(0.1, momentum=0.9), k=3, alpha=0.25), SGD(0.1, momentum=0.9)
    for step in range(1, 8):
        ours.step(params, make(step), 0.5)
        inner.step(fast, make(step), 0.5)
        if step % 3 == 0:
            for key, array in fast.items():
                slow[key] += 0.25 * (array - slow[key])
                array[...] = slow[key]
        for key in fast:
            np.testing.assert_array_equal(params[key], fast[key])


def test_a_tied_array_moves_once_and_a_frozen_one_not_at_all() -> None:
    array, other = np.ones(3), np.ones(2)
    optimizer = Lookahead(SGD(1.0), k=1, alpha=0.5)
    optimizer.step(
        {"a": array, "b": array, "c": other}, {"a": np.ones(3), "b": np.ones(3), "c": None}
    )
    assert array.tolist() == [0.0] * 3  # 1 - (1 + 1), and half the way back to 1
    assert other.tolist() == [1.0] * 2


def test_a_step_that_fails_changes_nothing() -> None:
    optimizer, params = Lookahead(SGD(0.1), k=1), make(0)
    with pytest.raises(ValueError, match="'w'"):
        optimizer.step(params, {"w": np.ones((2, 2))})
    assert optimizer.steps == 0
    assert optimizer.state_dict().keys() == {"step"}


@pytest.mark.parametrize("inner", [lambda: SGD(0.1, momentum=0.9), lambda: Muon(0.02)])
def test_killed_and_resumed_it_ends_with_the_same_bits(tmp_path: Path, inner: Any) -> None:
    images = data.embedded(num_train=40, num_validation=10, num_test=0)

    def solver(path: Path, epochs: int) -> Solver:
        return Solver(
            two_layer_net(rng=0, input_shape=images.image_shape), images, num_epochs=epochs,
            optimizer=Lookahead(inner(), k=3), batch_size=10, verbose=False, checkpoint=path,
        )  # fmt: skip

    whole = solver(tmp_path / "whole.safetensors", 2)
    whole.train()
    solver(tmp_path / "cut.safetensors", 1).train()  # 4 steps: between two moves of the slow ones
    rest = solver(tmp_path / "cut.safetensors", 2)
    rest.resume()
    for key, array in whole.model.state_dict().items():
        assert array.tobytes() == rest.model.state_dict()[key].tobytes()


def test_what_is_no_optimizer_or_no_state_is_refused() -> None:
    for optimizer in (SGD, None, Lookahead(SGD(0.1))):
        with pytest.raises(TypeError, match="Lookahead: optimizer is"):
            Lookahead(optimizer)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Lookahead: alpha is 0"):
        Lookahead(SGD(0.1), alpha=0)
    with pytest.raises(ValueError, match="Lookahead: k is 0"):
        Lookahead(SGD(0.1), k=0)
    with pytest.raises(ValueError, match="step must be an integer"):
        Lookahead(SGD(0.1)).load_state_dict({})
    used = Lookahead(SGD(0.1))
    used.step(make(0), make(1))
    with pytest.raises(ValueError, match="it is of another model"):
        used.step({"w": np.ones((2, 2))}, {"w": np.ones((2, 2))})


def test_what_has_no_gradient_stays() -> None:
    """A layer that is frozen later keeps its weights, though the slow ones are elsewhere."""
    params = {"w": np.ones(3), "b": np.ones(3)}
    optimizer = Lookahead(SGD(0.1), k=2)
    optimizer.step(params, {"w": np.ones(3), "b": np.ones(3)})
    frozen = params["b"].copy()
    optimizer.step(params, {"w": np.ones(3)})
    assert params["b"].tobytes() == frozen.tobytes()
    np.testing.assert_allclose(params["w"], 0.9)  # half of the way from 1 to 0.8
