"""PyTorch judges every layer: output, gradients, running statistics, and the names of the state."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlite.interop.torch import to_torch
from tests.judge.cases import LAYOUTS, Maker, arrange, close, done, judged, same_bits, tensor
from tests.judge.layer_cases import CASES, LAYERS, LayerCase


def agree(torch: Any, case: LayerCase) -> None:
    layer, x, train = case
    module = to_torch(layer).double().train(train)
    assert list(layer.state_dict()) == list(module.state_dict())
    dtype, kept = x.dtype, x.copy()
    y, cache = layer.forward(x, train)
    truth_x = tensor(torch, x)
    truth = module(truth_x)
    close(y, truth, dtype, "y")
    dy = np.random.default_rng(y.size).standard_normal(y.shape).astype(dtype)
    truth.backward(tensor(torch, dy, grad=False))
    dx, grads = layer.backward(arrange(dy, "Fortran"), cache)
    assert dx is not None
    close(dx, truth_x.grad, dtype, "dx")
    assert set(grads) == set(layer.params) == {key for key, _ in module.named_parameters()}
    for key, parameter in module.named_parameters():
        close(grads[key], parameter.grad, dtype, f"gradient of {key}")
    for key, buffer in module.named_buffers():
        close(layer.buffers[key], buffer, dtype, key)
    np.testing.assert_array_equal(x, kept, "forward or backward changed x")
    close(layer(x), module.eval()(truth_x), dtype, "inference")
    for layout in LAYOUTS:
        again, cache = layer.forward(arrange(x, layout), train)
        dx_again, grads_again = layer.backward(arrange(dy, layout), cache)
        same_bits((again, dx_again, *grads_again.values()), (y, dx, *grads.values()), layout)
    done["layers"] = done.get("layers", 0) + 1


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch copies images for even kernels
@pytest.mark.parametrize("name", LAYERS)
def test_forward_and_backward_are_pytorchs(torch: Any, name: str) -> None:
    @judged(CASES.get(name, 15))
    @given(st.data())
    def check(data: Any) -> None:
        agree(torch, LAYERS[name](Maker(data.draw)))

    check()
