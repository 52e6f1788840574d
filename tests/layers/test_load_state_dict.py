"""A state is loaded whole or not at all, and as PyTorch loads it."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import BatchNorm1d, BatchNorm2d, Conv2d, Layer, Linear, Residual, Sequential


def network() -> Sequential:
    return Sequential(Linear(3, 4, rng=0), BatchNorm1d(4), Linear(4, 2, rng=1))


def refused(layer: Layer, state: Any, error: type[Exception], message: str) -> None:
    before = layer.state_dict()
    with pytest.raises(error, match=message):
        layer.load_state_dict(state)
    np.testing.assert_equal(layer.state_dict(), before)


def changed(layer: Layer) -> dict[str, Any]:
    return {key: array + 1 for key, array in layer.state_dict().items()}


@pytest.mark.parametrize("key", ["0.weight", "1.bias", "1.running_var", "2.bias"])
def test_one_array_that_is_read_only_and_none_is_loaded(key: str) -> None:
    layer = network()
    for leaf in layer:
        for arrays in (leaf.params, leaf.buffers):
            if f"{list(layer).index(leaf)}." == key[:2] and key[2:] in arrays:
                arrays[key[2:]].flags.writeable = False
    refused(layer, changed(layer), ValueError, rf"Sequential.load_state_dict: .*{key} is read-only")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.array(["0", "1"]), TypeError, "2.bias is <U1, expected float32"),
        (np.array([0, None]), TypeError, "2.bias is object, expected float32"),
        (np.array([1j, 0]), TypeError, "2.bias is complex128, expected float32"),
        (None, ValueError, r"2.bias is \(\), expected \(2,\)"),
        ([[1], [2, 3]], ValueError, "2.bias is no array"),
        (np.array(1.0), ValueError, r"2.bias is \(\), expected \(2,\)"),
        (np.ones((2, 1)), ValueError, r"2.bias is \(2, 1\), expected \(2,\)"),
        (np.array([1.0, 1e300]), ValueError, r"2.bias holds 1e\+300, which float32 cannot"),
        ([1, 10**60], TypeError, "2.bias is object, expected float32"),
    ],
)
def test_one_value_that_cannot_be_copied_and_none_is(value: Any, error: Any, message: str) -> None:
    layer = network()
    refused(layer, {**changed(layer), "2.bias": value}, error, message)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (3.0, TypeError, "num_batches_tracked is float64, expected int64"),
        (np.uint64(2**63), ValueError, "num_batches_tracked holds 9223372036854775808"),
        ([1, 2], ValueError, r"num_batches_tracked is \(2,\), expected \(\)"),
    ],
)
def test_a_count_that_would_be_cut_off_is_refused(value: Any, error: Any, message: str) -> None:
    layer = BatchNorm2d(3)
    refused(layer, {**changed(layer), "num_batches_tracked": value}, error, message)


def test_what_pytorch_before_0_4_1_saved_is_taken_and_the_count_stays() -> None:
    layer = Residual(Sequential(Conv2d(2, 2, 1, rng=0), BatchNorm2d(2)))
    layer.forward(np.ones((2, 2, 3, 3), np.float32))
    state = {key: value for key, value in changed(layer).items() if "num_batches" not in key}
    assert layer.load_state_dict(state) == ([], [])
    assert layer.load_state_dict(state, strict=False) == ([], [])
    assert layer.state_dict()["body.1.num_batches_tracked"] == 1
    np.testing.assert_equal(layer.state_dict(), {**layer.state_dict(), **state})
    refused(layer, {**state, "body.2.num_batches_tracked": 1}, ValueError, "unexpected keys")
    del state["body.1.running_var"]
    refused(layer, state, ValueError, "missing keys 'body.1.running_var'$")


def test_pytorch_loads_the_same_states(torch: Any) -> None:
    ours, theirs = BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    for count in (7, [7]):  # one number with an axis, as old files have it
        state = {**changed(ours), "num_batches_tracked": count}
        ours.load_state_dict(state)
        theirs.load_state_dict({key: torch.tensor(value) for key, value in state.items()})
        for key, value in theirs.state_dict().items():
            np.testing.assert_array_equal(ours.state_dict()[key], value.numpy())


def test_infinity_and_nan_are_loaded_as_they_are() -> None:
    layer = Linear(1, 3, rng=0)
    values = np.array([np.nan, np.inf, -np.inf])
    layer.load_state_dict({"weight": np.array([[1], [2], [3]]), "bias": values})
    np.testing.assert_array_equal(layer.params["bias"], values.astype(np.float32))
    np.testing.assert_array_equal(layer.params["weight"].ravel(), [1, 2, 3])


def test_a_layers_own_arrays_may_change_places() -> None:
    layer = Sequential(Linear(2, 2, rng=0), Linear(2, 2, rng=1))
    first, second = (layer.params[f"{i}.weight"].copy() for i in (0, 1))
    swapped = {
        f"{i}.{key}": layer.params[f"{1 - i}.{key}"] for i in (0, 1) for key in ("weight", "bias")
    }
    layer.load_state_dict(swapped)
    np.testing.assert_array_equal(layer.params["0.weight"], second)
    np.testing.assert_array_equal(layer.params["1.weight"], first)


def test_a_tensor_that_requires_grad_is_named(torch: Any) -> None:
    layer = Linear(2, 1)
    state = {**changed(layer), "weight": torch.ones(1, 2, requires_grad=True)}
    refused(layer, state, TypeError, "Linear.load_state_dict: weight is no array: .*requires grad")
