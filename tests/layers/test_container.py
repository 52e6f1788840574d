"""Parameters of several layers under dotted keys, and their gradients put together."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import (
    BatchNorm1d,
    Container,
    Dropout,
    Identity,
    Linear,
    ReLU,
    Residual,
    Sequential,
)
from cnnlite.layers.container import has_params
from cnnlite.random import Rng


def network(dtype: Any = np.float64) -> Sequential:
    return Sequential(
        Linear(3, 4, dtype=dtype, rng=0),
        Residual(Sequential(Linear(4, 4, dtype=dtype, rng=1), BatchNorm1d(4, dtype=dtype))),
        ReLU(),
        Linear(4, 2, dtype=dtype, rng=2),
    )


class Both(Container):
    """A container of one's own: two layers side by side, their outputs in a row."""

    def __init__(self, left: Linear, right: Linear) -> None:
        self.left, self.right = left, right

    def children(self) -> dict[str, Any]:
        return {"left": self.left, "right": self.right}

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        (y, left), (z, right) = self.left.forward(x, train), self.right.forward(x, train)
        return np.concatenate([y, z], axis=1), (left, right)

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        size = self.left.out_features
        dx, left = self.left.backward(dy[:, :size], cache[0], need_dx)
        dz, right = self.right.backward(dy[:, size:], cache[1], need_dx)
        dx = dx + dz if need_dx else None
        return dx, self.gather_grads([("left", left), ("right", right)])


def test_keys_are_dotted_and_yield_the_layers_own_arrays() -> None:
    model = network()
    assert list(model.params) == [
        "0.weight",
        "0.bias",
        "1.body.0.weight",
        "1.body.0.bias",
        "1.body.1.weight",
        "1.body.1.bias",
        "3.weight",
        "3.bias",
    ]
    assert list(model.buffers) == [
        "1.body.1.running_mean",
        "1.body.1.running_var",
        "1.body.1.num_batches_tracked",
    ]
    assert model.params["0.weight"] is model[0].params["weight"]
    assert len(model.params) == 8
    assert "9.weight" not in model.params
    assert repr(model.buffers) == repr(dict(model.buffers))


def test_setting_an_entry_reaches_the_layer() -> None:
    model = network()
    new = np.zeros((4, 3))
    model.params["0.weight"] = new
    assert model[0].params["weight"] is new
    params = model.params
    params["0.weight"] += 1  # in place, and set again
    assert model[0].params["weight"] is new
    assert (new == 1).all()


@pytest.mark.parametrize(
    ("key", "value", "error", "message"),
    [
        ("0.gamma", np.zeros(3), KeyError, "0.gamma: no layer has it"),
        ("0.bias", np.zeros(3), ValueError, r"0.bias has shape \(3,\), expected \(4,\)"),
        ("0.bias", np.zeros(4, np.float32), TypeError, "0.bias is float32, expected float64"),
        ("0.bias", [0.0] * 4, TypeError, "0.bias is a list, expected a NumPy array"),
    ],
)
def test_setting_what_does_not_fit(key: str, value: Any, error: Any, message: str) -> None:
    model = network()
    before = model.state_dict()
    with pytest.raises(error, match=message):
        model.params[key] = value
    np.testing.assert_equal(model.state_dict(), before)


def test_nothing_can_be_removed() -> None:
    with pytest.raises(TypeError, match="can be exchanged here, not removed"):
        del network().params["0.weight"]


def test_gradients_through_a_network(check_gradients: Any) -> None:
    check_gradients(network(), (5, 3))


def test_a_container_of_ones_own(check_gradients: Any) -> None:
    both = Both(Linear(3, 2, dtype=np.float64, rng=0), Linear(3, 4, dtype=np.float64, rng=1))
    check_gradients(Sequential(both, ReLU(), Linear(6, 2, dtype=np.float64, rng=2)), (5, 3))
    assert list(both.params) == ["left.weight", "left.bias", "right.weight", "right.bias"]
    assert [row.name for row in both.summary((3,)).rows] == ["", "left", "right"]


def test_a_layer_that_stands_twice_is_listed_once_and_its_gradients_are_summed(
    check_gradients: Any,
) -> None:
    twice = Linear(3, 3, dtype=np.float64, rng=0)
    model = Sequential(twice, ReLU(), Sequential(Residual(twice), twice))
    assert list(model.params) == ["0.weight", "0.bias"]
    assert model.num_params == 12
    check_gradients(model, (4, 3))


def test_a_container_that_stands_twice(check_gradients: Any) -> None:
    twice = Sequential(Linear(3, 3, dtype=np.float64, rng=0), ReLU())
    model = Sequential(twice, twice, Linear(3, 2, dtype=np.float64, rng=1))
    assert list(model.params) == ["0.0.weight", "0.0.bias", "2.weight", "2.bias"]
    check_gradients(model, (4, 3))


def test_state_keys_of_a_layer_that_stands_twice_are_torchs(torch: Any) -> None:
    ours, theirs = Linear(2, 2, rng=0), torch.nn.Linear(2, 2)
    model = Sequential(ours, ReLU(), ours)
    module = torch.nn.Sequential(theirs, torch.nn.ReLU(), theirs)
    assert list(model.state_dict()) == list(module.state_dict())
    model.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(ours.params["bias"], theirs.bias.detach().numpy())


def test_gradients_come_in_the_order_of_the_parameters() -> None:
    model = Sequential(Linear(3, 3), Residual(Linear(3, 3), Linear(3, 3)), ReLU(), Linear(3, 2))
    y, cache = model.forward(np.ones((2, 3), np.float32))
    assert list(model.backward(y, cache)[1]) == list(model.params)


def test_the_outermost_container_gathers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Sequential):
        """Its backward may be its own, so it is asked for gathered gradients."""

    def gather(self: Container, parts: Any) -> Any:
        gathered.append(type(self))
        return original(self, parts)

    original, gathered = Container.gather_grads, []
    for inner, expected in ((Sequential, [Sequential]), (Own, [Own, Sequential])):
        block = Residual(inner(Linear(3, 3, rng=0), ReLU()), Sequential(Linear(3, 3, rng=1)))
        model = Sequential(Linear(3, 3, rng=2), Sequential(block), ReLU())
        y, cache = model.forward(np.ones((2, 3), np.float32))
        with monkeypatch.context() as patch:
            patch.setattr(Container, "gather_grads", gather)
            grads = model.backward(y, cache)[1]
        assert gathered == expected
        assert list(grads) == list(model.params)
        gathered.clear()


def test_gradients_that_are_none_or_missing_stay_so() -> None:
    model = network()
    total = model.gather_grads(
        [("0", {"weight": None}), ("0", {"weight": np.ones(1)}), ("3", {"bias": None})]
    )
    assert total == {"0.weight": np.ones(1), "3.bias": None}


def test_only_random_layers_get_a_place_and_it_is_their_path() -> None:
    class Spy(Identity):
        random = True

        def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
            seen.append(rng)
            return x, None

    class Plain(Spy):
        random = False

    seen: list[Any] = []
    model = Sequential(Plain(), Spy(), Residual(Sequential(Spy(), Plain())))
    assert model.random
    assert not Sequential(ReLU(), Residual(ReLU())).random
    model.forward(np.ones((1, 1)), rng=Rng(5, 3))
    assert seen == [None, Rng(5, 3, "1"), Rng(5, 3, "2.body.0"), None]


def test_evaluation_takes_nothing_from_the_common_stream() -> None:
    from cnnlite.random import as_rng, manual_seed

    manual_seed(0)
    model = Sequential(Dropout(0.5), Sequential(Dropout(0.5)))
    model(np.ones((2, 2)))
    model.forward(np.ones((2, 2)), train=False)
    assert as_rng(None) == Rng(0, 0)
    model.forward(np.ones((2, 2)))
    assert as_rng(None) == Rng(0, 2)  # one step for the whole network


def test_has_params() -> None:
    assert has_params(network())
    assert not has_params(Sequential(ReLU(), Sequential()))
    assert Sequential().params == {}
