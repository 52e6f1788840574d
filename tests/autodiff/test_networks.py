"""The bridge: gradients from the tape are the gradients of the hand-written backward passes."""

from typing import Any

import numpy as np
import pytest

import cnnlite as nn
from cnnlite.autodiff import arrays, networks
from cnnlite.autodiff.arrays import Tensor

pytestmark = pytest.mark.usefixtures("one_thread")


def every_layer() -> nn.Sequential:
    """All kinds of layers in one small network, one of them twice."""
    twice = nn.Conv2d(6, 6, 3, padding=1, rng=1)
    block = nn.Sequential(nn.BatchNorm2d(6), nn.ReLU(), twice, nn.Dropout(0.3))
    shortcut = nn.Sequential(nn.Conv2d(6, 6, 1, bias=False, rng=2), nn.GroupNorm(2, 6))
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding="same", rng=0), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Residual(block), nn.Residual(twice, shortcut), nn.SiLU(), nn.Identity()),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.LayerNorm(24), nn.Dropout(0.2)),
        *(
            nn.Linear(24, 8, rng=3),
            nn.BatchNorm1d(8),
            nn.Tanh(),
            nn.Linear(8, 4, bias=False, rng=4),
        ),
    )


def three_layers() -> nn.Sequential:
    return nn.models.three_layer_convnet(4, (3, 8, 8), rng=0)


@pytest.mark.parametrize("make", [three_layers, every_layer])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("train", [True, False])
def test_same_bits_as_the_layers(make: Any, dtype: Any, train: bool) -> None:
    model = make().astype(dtype)
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((5, 3, 8, 8)).astype(dtype), np.arange(5) % 4

    leaf, params = Tensor(x), networks.parameters(model)
    loss = networks.cross_entropy(networks.run(model, leaf, params, train, rng=7), targets)
    arrays.backward(loss)

    scores, cache = model.forward(x, train, rng=7)
    criterion = nn.CrossEntropyLoss()
    value, loss_cache = criterion.forward(scores, targets)
    dx, grads = model.backward(criterion.backward(loss_cache), cache)
    assert loss.data == value
    np.testing.assert_array_equal(leaf.grad, dx)
    assert params.keys() == grads.keys()
    for key, grad in grads.items():
        np.testing.assert_array_equal(params[key].grad, grad, err_msg=key)


def test_running_statistics_stay() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3))
    before = model.state_dict()
    networks.run(model, Tensor(np.random.default_rng(0).random((4, 3, 2, 2), np.float32)),
                 networks.parameters(model))  # fmt: skip
    assert all((before[key] == array).all() for key, array in model.state_dict().items())


def test_operations_of_the_course_written_out(torch: Any) -> None:
    """A small ConvNet as an expression, and PyTorch's gradients of it."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 6, 6)), rng.standard_normal((4, 3, 3, 3))
    b, v, c = rng.standard_normal(4), rng.standard_normal((5, 36)), rng.standard_normal(5)
    targets = np.array([1, 4])

    ours = [Tensor(a) for a in (x, w, b, v, c)]
    h = networks.relu(networks.conv2d(*ours[:3], padding=1))
    h = networks.flatten(networks.max_pool2d(h, 2))
    loss = networks.cross_entropy(networks.linear(h, *ours[3:]), targets)
    loss = loss + 0.01 * (ours[1] * ours[1]).sum()
    arrays.backward(loss)

    theirs = [torch.tensor(a, requires_grad=True) for a in (x, w, b, v, c)]
    f = torch.nn.functional
    h = f.max_pool2d(f.relu(f.conv2d(*theirs[:3], padding=1)), 2).flatten(1)
    expected = f.cross_entropy(f.linear(h, *theirs[3:]), torch.tensor(targets))
    expected = expected + 0.01 * (theirs[1] ** 2).sum()
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-13)
    for a, b_ in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b_.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_a_left_out_bias_is_no_parent() -> None:
    x, w = Tensor(np.ones((2, 3))), Tensor(np.ones((4, 3)))
    y = networks.linear(x, w, None)
    assert y.parents == (x, w)
    arrays.backward(y.sum())
    assert w.grad is not None
    assert w.grad.tolist() == [[2] * 3] * 4


def test_dropout_and_batch_norm_as_operations() -> None:
    x, gamma, beta = (
        Tensor(a) for a in (np.random.default_rng(0).random((6, 3)), np.ones(3), np.zeros(3))
    )
    y = networks.batch_norm(x, gamma, beta, None, None, True)
    y = networks.dropout(y, 0.5, True, np.random.default_rng(1))
    arrays.backward((y * y).sum())
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.sum(axis=0), 0, atol=1e-12)  # a shift of x changes nothing
    assert gamma.grad is not None
    assert gamma.grad.shape == (3,)
