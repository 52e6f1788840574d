"""How a layer is judged: by differences of its own forward pass, and by PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from cnnlite.gradcheck import check_layer
from cnnlite.layers import Layer
from cnnlite.random import Rng

CheckGradients = Callable[..., None]
CompareWithTorch = Callable[..., None]


def spread_numbers(*shape: int) -> np.ndarray:
    """Numbers from -1 to 1, all different and none near zero: no kinks and no ties."""
    size = int(np.prod(shape))
    numbers = np.linspace(-1, 1, size + size % 2)[:size]
    return np.random.default_rng(size).permutation(numbers).reshape(shape)


@contextmanager
def buffers_kept(layer: Layer) -> Iterator[None]:
    """Puts running statistics back: each pass must see the same ones."""
    before = {key: array.copy() for key, array in layer.buffers.items()}
    try:
        yield
    finally:
        for key, array in before.items():
            layer.buffers[key][...] = array


def run(layer: Layer, x: np.ndarray, train: bool) -> tuple[np.ndarray, Any]:
    with buffers_kept(layer):
        return layer.forward(x, train, Rng(1))


@pytest.fixture
def check_gradients() -> CheckGradients:
    """The layer's gradients are those of its forward pass, in float64."""

    def check(layer: Layer, shape: tuple[int, ...], train: bool = True) -> None:
        x = spread_numbers(*shape)
        y, cache = run(layer, x, train)
        dy = np.random.default_rng(1).standard_normal(y.shape)
        kept = x.copy(), dy.copy()
        dx, grads = layer.backward(dy, cache)
        assert dx is not None
        np.testing.assert_array_equal(x, kept[0], "forward or backward changed x")
        np.testing.assert_array_equal(dy, kept[1], "backward changed dy")
        assert set(grads) == set(layer.params)

        report = check_layer(layer, x, train=train)
        assert report.passed, str(report)

        _, without_dx = layer.backward(dy, run(layer, x, train)[1], need_dx=False)
        for key, grad in grads.items():
            np.testing.assert_array_equal(without_dx[key], grad, err_msg=key)

    return check


@pytest.fixture
def compare_with_torch(torch: Any) -> CompareWithTorch:
    """Same state keys; same output, gradients and buffers, forward and backward, in float64."""

    def compare(
        layer: Layer, module: Any, shape: tuple[int, ...], train: bool = True, rtol: float = 1e-9
    ) -> None:
        module = module.double().train(train)
        state = {key: value.numpy().copy() for key, value in module.state_dict().items()}
        assert list(layer.state_dict()) == list(state)
        layer.load_state_dict(state)

        x = spread_numbers(*shape)
        y, cache = layer.forward(x, train)
        dy = np.random.default_rng(2).standard_normal(y.shape)
        dx, grads = layer.backward(dy, cache)

        torch_x = torch.tensor(x, requires_grad=True)
        torch_y = module(torch_x)
        torch_y.backward(torch.tensor(dy))
        close(y, torch_y.detach().numpy(), rtol, "y")
        close(dx, torch_x.grad.numpy(), rtol, "dx")
        assert set(grads) == {key for key, _ in module.named_parameters()}
        for key, parameter in module.named_parameters():
            close(grads[key], parameter.grad.numpy(), rtol, key)
        for key, buffer in module.named_buffers():
            close(layer.buffers[key], buffer.numpy(), rtol, key)
            assert layer.buffers[key].dtype == buffer.numpy().dtype

        module.load_state_dict({k: torch.from_numpy(v) for k, v in layer.state_dict().items()})

    def close(ours: Any, theirs: np.ndarray, rtol: float, what: str) -> None:
        assert isinstance(ours, np.ndarray)
        scale = max(float(np.abs(theirs).max(initial=0)), 1e-12)
        np.testing.assert_allclose(ours, theirs, rtol, atol=rtol * scale, err_msg=what)

    return compare
