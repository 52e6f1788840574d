"""Linear: what it starts from, and what it refuses."""

import math
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import Linear


def test_first_weights_are_pytorchs(torch: Any) -> None:
    ours, theirs = Linear(400, 300, rng=0), torch.nn.Linear(400, 300)
    for key in ("weight", "bias"):
        array, judge = ours.params[key], theirs.state_dict()[key].numpy()
        assert array.shape == judge.shape
        assert np.abs(array).max() <= 1 / math.sqrt(400)
        assert math.isclose(np.abs(array).max(), np.abs(judge).max(), rel_tol=0.05)
        assert math.isclose(array.std(), judge.std(), rel_tol=0.2)


def test_more_axes_before_the_last(check_gradients: Any) -> None:
    check_gradients(Linear(3, 2, dtype=np.float64, rng=0), (2, 4, 3))


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((0, 3), ValueError, "in_features is 0, expected an integer from 1 up"),
        ((3, -1), ValueError, "out_features is -1, expected"),
        ((3, True), TypeError, "out_features is True, expected"),
    ],
)
def test_wrong_arguments(args: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"Linear: {message}"):
        Linear(*args)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((2, 4)), TypeError, "float64"),
        (np.zeros((2, 4), np.float32), ValueError, r"x must have shape \(N, 3\) .*got \(2, 4\)"),
        (np.zeros((2, 1, 2, 2), np.float32), ValueError, "put a Flatten before it"),
        (np.zeros(3, np.float32), ValueError, r"got \(3,\)"),
    ],
)
def test_wrong_inputs(x: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"Linear: .*{message}"):
        Linear(3, 2, rng=0)(x)
