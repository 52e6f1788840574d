"""A layer of one's own needs forward and backward; all the rest follows."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from cnnlite.layers import BatchNorm2d, Conv2d, Layer, Linear, ReLU, Sequential


class Scale(Layer):
    """The example of Layer's docstring."""

    def __init__(self, size: int) -> None:
        self.params["weight"] = np.ones(size, np.float32)

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return x * self.params["weight"], x

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return dy * self.params["weight"], {"weight": (dy * cache).sum(axis=0)}


def test_the_docstrings_example_is_a_layer(check_gradients: Any) -> None:
    text = Layer.__doc__ or ""
    start = text.index("        class Scale")
    code = text[start : text.index("    That is enough")]
    names: dict[str, Any] = {"Layer": Layer, "np": np}
    exec("\n".join(line[8:] for line in code.splitlines()), names)
    layer = names["Scale"](4).astype(np.float64)
    check_gradients(layer, (3, 4))
    check_gradients(Sequential(layer, ReLU(), names["Scale"](4)).astype(np.float64), (3, 4))


def test_a_layer_of_ones_own_in_a_network() -> None:
    model = Sequential(Linear(3, 4, rng=0), Scale(4), ReLU(), Linear(4, 2, rng=1))
    assert list(model.params) == ["0.weight", "0.bias", "1.weight", "3.weight", "3.bias"]
    assert list(model.state_dict()) == list(model.params)
    assert "(1): Scale()" in repr(model)
    summary = model.summary((3,))
    assert summary.params == model.num_params == 12 + 4 + 4 + 8 + 2
    assert summary.rows[2].output_shape == (1, 4)
    x = np.ones((5, 3), np.float32)
    y, cache = model.forward(x)
    _, grads = model.backward(y, cache, need_dx=False)
    assert set(grads) == set(model.params)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(x), model(x))


def test_params_are_there_without_calling_init_and_are_the_layers_own() -> None:
    first, second = ReLU(), ReLU()
    first.params["weight"] = np.ones(2)
    assert second.params == {}
    assert second.buffers == {}


def test_a_layer_without_backward_is_refused_when_made() -> None:
    class Half(Layer):
        def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
            return x, None

    with pytest.raises(TypeError, match="backward"):
        Half()  # type: ignore[abstract]


def test_calling_is_inference() -> None:
    layer = BatchNorm2d(2)
    x = np.random.default_rng(0).standard_normal((3, 2, 2, 2)).astype(np.float32)
    np.testing.assert_array_equal(layer(x), layer.forward(x, train=False)[0])
    assert layer.buffers["num_batches_tracked"] == 0


def test_astype_converts_floats_in_place_and_leaves_counters() -> None:
    layer = BatchNorm2d(2)
    assert layer.astype("float64") is layer
    assert {a.dtype for a in layer.params.values()} == {np.dtype(np.float64)}
    assert layer.buffers["running_var"].dtype == np.float64
    assert layer.buffers["num_batches_tracked"].dtype == np.int64
    with pytest.raises(TypeError, match="BatchNorm2d: dtype is 'int32', expected float32 or"):
        layer.astype("int32")


def test_state_dict_is_a_copy_and_loads_in_place() -> None:
    layer = Linear(2, 3, rng=0)
    weight, state = layer.params["weight"], layer.state_dict()
    state["weight"][...] = 7
    assert not (weight == 7).any()
    assert layer.load_state_dict(state) == ([], [])
    assert layer.params["weight"] is weight
    assert (weight == 7).all()


def test_load_state_dict_converts_floats() -> None:
    layer = Linear(2, 3, rng=0)
    state = {key: array.astype(np.float64) for key, array in layer.state_dict().items()}
    layer.load_state_dict(state)
    assert layer.params["weight"].dtype == np.float32


def test_loading_what_does_not_fit_names_it_and_copies_nothing() -> None:
    layer = Conv2d(1, 2, 3, rng=0)
    before = layer.state_dict()
    good = {key: array + 1 for key, array in before.items()}
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"weight": good["weight"]}, ValueError, "missing keys 'bias'"),
        ({**good, "gamma": np.ones(1)}, ValueError, "unexpected keys 'gamma'"),
        (
            {"weight": good["weight"], "beta": np.ones(1)},
            ValueError,
            "missing keys 'bias'; unexpected keys 'beta'",
        ),
        ({**good, "bias": np.ones(3)}, ValueError, r"bias is \(3,\), expected \(2,\)"),
        ({**good, "bias": np.ones(2, complex)}, TypeError, "bias is complex128, expected float32"),
    ]
    for state, error, message in wrong:
        with pytest.raises(error, match=rf"Conv2d.load_state_dict: .*{message}"):
            layer.load_state_dict(state)
        np.testing.assert_equal(layer.state_dict(), before)


def test_loading_without_strict_says_what_it_passed_over() -> None:
    layer = Linear(2, 3, rng=0)
    passed = layer.load_state_dict({"weight": np.zeros((3, 2)), "x": np.ones(1)}, strict=False)
    assert passed.missing_keys == ["bias"]
    assert passed.unexpected_keys == ["x"]
    assert not layer.params["weight"].any()
    with pytest.raises(ValueError, match=r"weight is \(2, 3\), expected \(3, 2\)"):
        layer.load_state_dict({"weight": np.zeros((2, 3))}, strict=False)


def test_load_state_dict_of_what_is_no_state() -> None:
    layer = Linear(3, 2)
    with pytest.raises(
        TypeError, match=r"Linear.load_state_dict: state must be a mapping of .*None"
    ):
        layer.load_state_dict(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Linear.load_state_dict: bias is no array"):
        layer.load_state_dict({"weight": np.zeros((2, 3)), "bias": [[1], [2, 3]]})
