"""The published checks of Stanford's CS231n, assignment 2.

The numbers are those that its public notebooks print (ConvolutionalNetworks.ipynb and
FullyConnectedNets.ipynb); they have eight digits.
"""

from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.gradcheck import numeric_gradient, relative_error


def _line(first: float, last: float, *shape: int) -> Any:
    return np.linspace(first, last, int(np.prod(shape))).reshape(shape)


@pytest.mark.parametrize("algorithm", ["naive", "im2col", "auto"])
def test_convolution_forward(algorithm: str) -> None:
    x, w, b = _line(-0.1, 0.5, 2, 3, 4, 4), _line(-0.2, 0.3, 3, 3, 4, 4), _line(-0.1, 0.2, 3)
    y, _ = F.conv2d_forward(x, w, b, stride=2, padding=1, algorithm=algorithm)
    published = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    assert relative_error(y, published) < 1e-7


def test_max_pool_forward() -> None:
    y, _ = F.max_pool2d_forward(_line(-0.3, 0.4, 2, 3, 4, 4), 2, 2)
    published = [
        [
            [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]],
            [[-0.14526316, -0.13052632], [-0.08631579, -0.07157895]],
            [[-0.02736842, -0.01263158], [0.03157895, 0.04631579]],
        ],
        [
            [[0.09052632, 0.10526316], [0.14947368, 0.16421053]],
            [[0.20842105, 0.22315789], [0.26736842, 0.28210526]],
            [[0.32631579, 0.34105263], [0.38526316, 0.4]],
        ],
    ]
    assert relative_error(y, published) < 1e-7


def test_affine_forward() -> None:
    """The course's weights are (in, out), ours (out, in)."""
    x, w, b = _line(-0.1, 0.5, 2, 120), _line(-0.2, 0.3, 120, 3), _line(-0.3, 0.1, 3)
    y, _ = F.linear_forward(x, w.T, b)
    published = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    assert relative_error(y, published) < 1e-8


def test_relu_forward() -> None:
    y, _ = F.relu_forward(_line(-0.5, 0.5, 3, 4))
    published = [
        [0, 0, 0, 0],
        [0, 0, 0.04545455, 0.13636364],
        [0.22727273, 0.31818182, 0.40909091, 0.5],
    ]
    assert relative_error(y, published) < 1e-7


def _errors(forward: Any, backward: Any, dy: Any, *inputs: Any) -> list[float]:
    gradients = backward(dy, forward(*inputs)[1])
    gradients = gradients if type(gradients) is tuple else (gradients,)
    return [
        relative_error(gradient, numeric_gradient(lambda _: forward(*inputs)[0], x, dy))
        for x, gradient in zip(inputs, gradients, strict=True)
    ]


@pytest.mark.parametrize("algorithm", ["naive", "im2col", "auto"])
def test_convolution_gradients(algorithm: str) -> None:
    rng = np.random.RandomState(231)  # the notebook's numbers
    inputs = rng.randn(4, 3, 5, 5), rng.randn(2, 3, 3, 3), rng.randn(2)
    errors = _errors(
        lambda x, w, b: F.conv2d_forward(x, w, b, 1, 1, algorithm=algorithm),
        F.conv2d_backward,
        rng.randn(4, 2, 5, 5),
        *inputs,
    )
    assert max(errors) < 5e-8


def test_max_pool_gradient() -> None:
    rng = np.random.RandomState(231)
    x = rng.randn(3, 2, 8, 8)
    errors = _errors(
        lambda x: F.max_pool2d_forward(x, 2, 2), F.max_pool2d_backward, rng.randn(3, 2, 4, 4), x
    )
    assert max(errors) < 1e-10


@pytest.mark.parametrize(
    ("forward", "backward", "published"),
    [
        (F.hinge_loss_forward, F.hinge_loss_backward, 9.0),  # one margin for each wrong class
        (F.cross_entropy_forward, F.cross_entropy_backward, 2.3),  # log 10
    ],
)
def test_losses_of_small_random_scores(forward: Any, backward: Any, published: float) -> None:
    rng = np.random.RandomState(231)
    scores, targets = 0.001 * rng.randn(50, 10), rng.randint(10, size=50)
    value, cache = forward(scores, targets)
    assert abs(value - published) < 0.01
    numeric = numeric_gradient(lambda s: forward(s, targets)[0], scores)
    assert relative_error(backward(cache), numeric) < 1e-7


def test_batch_norm_of_the_notebook() -> None:
    """Means 0 and deviations 1; with gamma and beta, means beta and deviations gamma."""
    rng = np.random.RandomState(231)
    x = np.maximum(0, rng.randn(200, 50) @ rng.randn(50, 60)) @ rng.randn(60, 3)
    gamma, beta = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0])
    y, _ = F.batch_norm_forward(x, gamma, beta, None, None, True)
    np.testing.assert_allclose(y.mean(axis=0), beta, rtol=1e-12)
    np.testing.assert_allclose(y.std(axis=0), gamma, rtol=1e-6)
