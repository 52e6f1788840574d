"""One array in two layers: listed once, moved once, its gradients summed, and it stays so."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import Solver
from cnnlite.checkpoint import CheckpointError, load_weights, save_weights
from cnnlite.gradcheck import check_layer
from cnnlite.layers import BatchNorm1d, BatchNorm2d, Conv2d, Layer, Linear, ReLU, Sequential
from cnnlite.optim import SGD, Adam, Optimizer, RMSprop
from tests import trainings


def tied(dtype: Any = np.float64) -> Sequential:
    model = Sequential(Linear(3, 3, dtype=dtype, rng=0), ReLU(), Linear(3, 3, dtype=dtype, rng=1))
    model.params["2.weight"] = model.params["0.weight"]
    return model


def is_tied(model: Sequential) -> bool:
    return model[0].params["weight"] is model[2].params["weight"]


def test_a_tied_array_is_listed_and_counted_once() -> None:
    model = tied()
    assert is_tied(model)
    assert list(model.params) == ["0.weight", "0.bias", "2.bias"]
    assert model.num_params == 9 + 3 + 3
    summary = model.summary((3,))
    assert summary.params == model.num_params
    assert [row.params for row in summary.rows] == [0, 12, 0, 3]


def test_the_first_place_counts_whatever_was_assigned_to_what() -> None:
    model = Sequential(Linear(3, 3, rng=0), ReLU(), Linear(3, 3, rng=1))
    model[0].params["weight"] = model[2].params["weight"]
    assert list(model.params) == ["0.weight", "0.bias", "2.bias"]


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(SGD(1.0, weight_decay=0.1), 0.9), (Adam(0.1), 0.9), (RMSprop(0.1), 0.0)],
)
def test_tied_arrays_were_stepped_twice(optimizer: Optimizer, expected: float) -> None:
    """Weight decay gave 0.81 for 0.9, Adam 0.8 for 0.9."""
    model = tied()
    model.params["0.weight"][...] = 1
    moved = np.ones((3, 3))
    gradient = 0.0 if isinstance(optimizer, SGD) else 1.0
    y, cache = model.forward(np.ones((1, 3)))
    _, grads = model.backward(y * 0, cache)
    assert list(grads) == list(model.params)
    optimizer.step(model.params, {"0.weight": np.full((3, 3), gradient)})
    fresh = type(optimizer)(**optimizer.options)
    fresh.step({"w": moved}, {"w": np.full((3, 3), gradient)})
    np.testing.assert_array_equal(model.params["0.weight"], moved)
    if expected:
        np.testing.assert_allclose(model[2].params["weight"], expected)


def test_gradients_of_a_tied_array_are_summed(check_gradients: Any) -> None:
    check_gradients(tied(), (4, 3))
    nested = Sequential(tied(), Linear(3, 3, dtype=np.float64, rng=2))
    nested.params["1.weight"] = nested.params["0.0.weight"]
    assert list(nested.params) == ["0.0.weight", "0.0.bias", "0.2.bias", "1.bias"]
    check_gradients(nested, (4, 3))
    assert check_layer(tied(), (4, 3)).passed


def test_astype_copies_and_pickles_were_untied() -> None:
    model = tied(np.float32)
    others = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for one in (model.astype(np.float64), model.astype(np.float32), *others):
        assert is_tied(one)
        assert list(one.params) == ["0.weight", "0.bias", "2.bias"]


def test_the_state_has_both_names_as_pytorchs_has(torch: Any) -> None:
    model = tied(np.float32)
    first, second = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    second.weight = first.weight
    module = torch.nn.Sequential(first, torch.nn.ReLU(), second)
    assert list(model.state_dict()) == list(module.state_dict())
    model.load_state_dict(module.state_dict())
    assert is_tied(model)
    np.testing.assert_array_equal(model[2].params["weight"], second.weight.detach().numpy())


def test_two_values_for_one_array_are_refused() -> None:
    model = tied()
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"load_state_dict: 0\.weight and 2\.weight are one array"):
        model.load_state_dict({**before, "2.weight": before["2.weight"] + 1})
    np.testing.assert_equal(model.state_dict(), before)
    same = {**before, "0.weight": before["0.weight"] * np.nan, "2.weight": np.full((3, 3), np.nan)}
    model.load_state_dict(same)
    model.load_state_dict({"2.weight": before["2.weight"]}, strict=False)
    np.testing.assert_array_equal(model.params["0.weight"], before["0.weight"])


def test_setting_a_tied_array_reaches_every_layer_that_has_it() -> None:
    model = tied()
    new = np.zeros((3, 3))
    model.params["0.weight"] = new
    assert model[0].params["weight"] is new
    assert is_tied(model)
    for use in (
        lambda: model.params["2.weight"],
        lambda: model.params.__setitem__("2.weight", new),
    ):
        with pytest.raises(KeyError, match=r"2\.weight is the same array as 0\.weight, and listed"):
            use()
    model[2].params["weight"] = new.copy()  # untied again
    assert list(model.params) == ["0.weight", "0.bias", "2.weight", "2.bias"]


@pytest.mark.parametrize(
    "view", [lambda a: a.T, lambda a: a[:], lambda a: a[::-1], lambda a: a.reshape(3, 3)]
)
def test_views_of_another_array_are_refused(view: Any) -> None:
    """A decoder's weight that is the encoder's transpose would be moved twice, or torn apart."""
    model = Sequential(Linear(3, 3, rng=0), Linear(3, 3, rng=1))
    words = r"1\.weight \(3, 3\) shares memory with 0\.weight \(3, 3\) but is another array"
    with pytest.raises(ValueError, match=words):
        model.params["1.weight"] = view(model.params["0.weight"])
    model[1].params["weight"] = view(model[0].params["weight"])
    params = {key: array.copy() for key, array in model.params.items()}
    for use in (
        model.state_dict,
        lambda: model.load_state_dict({}, strict=False),
        lambda: model.astype(np.float64),
        lambda: SGD(0.1).step(model.params, params),
        lambda: Solver(model, trainings.data(), verbose=False),
    ):
        with pytest.raises(ValueError, match=words):
            use()
    for key, array in model.params.items():
        np.testing.assert_array_equal(array, params[key])
    assert model.params["0.weight"].dtype == np.float32


def test_parts_of_one_block_that_do_not_overlap_are_taken() -> None:
    block = np.ones((6, 6), np.float32)
    model = Sequential(Linear(3, 6, bias=False), Linear(6, 3, bias=False), Linear(3, 6))
    model[0].params["weight"] = block[:, :3]
    model[2].params["weight"] = block[:, 3:]
    SGD(1.0).step(model.params, {key: np.ones_like(a) for key, a in model.params.items()})
    assert not block.any()
    assert model.astype(np.float64).num_params == 18 * 3 + 6


def test_an_array_that_is_parameter_and_buffer_is_refused() -> None:
    model = Sequential(Linear(3, 3, rng=0), BatchNorm1d(3))
    model[1].buffers["running_mean"] = model[0].params["bias"]
    with pytest.raises(ValueError, match=r"parameter 0\.bias and the buffer 1\.running_mean are"):
        model.state_dict()


def test_tied_buffers_stay_tied() -> None:
    model = Sequential(BatchNorm2d(2), BatchNorm2d(2))
    for name in ("running_mean", "running_var"):
        model.buffers[f"1.{name}"] = model.buffers[f"0.{name}"]
    for one in (model, copy.deepcopy(model), model.astype(np.float64)):
        assert one[0].buffers["running_var"] is one[1].buffers["running_var"]
        assert list(one.buffers)[:3] == [f"0.{n}" for n in one[0].buffers]
        assert list(one.buffers)[3:] == ["1.num_batches_tracked"]


class TwoNames(Layer):
    """A layer that uses one array for two things."""

    def __init__(self) -> None:
        self.params["a"] = self.params["b"] = np.full(3, 2.0)

    def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
        return x * self.params["a"] + self.params["b"], x

    def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
        return dy * self.params["a"], {"a": (dy * cache).sum(0), "b": dy.sum(0)}


def test_one_array_under_two_names_of_a_layer() -> None:
    layer, model = TwoNames(), Sequential(TwoNames())
    assert layer.num_params == model.num_params == 3
    assert list(model.params) == ["0.a"]
    assert check_layer(model, (4, 3)).passed
    x = np.ones((1, 3))
    for network in (layer, model):
        y, cache = network.forward(x)
        _, grads = network.backward(np.ones_like(y), cache)
        SGD(0.25, momentum=0.5).step(network.params, grads)
        assert all((array == 1.5).all() for array in network.params.values())


def test_half_a_gradient_and_none_at_all() -> None:
    model = tied()
    total = model.gather_grads([("0", {"weight": None}), ("2", {"weight": np.ones((3, 3))})])
    np.testing.assert_array_equal(total["0.weight"], np.ones((3, 3)))
    assert model.gather_grads([("0", {"weight": None}), ("2", {})]) == {"0.weight": None}
    before = model.state_dict()
    SGD(1.0, weight_decay=1.0).step(model.params, {"0.weight": None})
    np.testing.assert_equal(model.state_dict(), before)


def two_networks() -> tuple[Sequential, Sequential]:
    first, second = Sequential(Linear(3, 3, rng=0)), Sequential(Linear(3, 3, rng=1))
    second.params["0.weight"] = first.params["0.weight"]
    return first, second


def test_two_networks_may_share_an_array_with_an_optimizer_each() -> None:
    networks, optimizers = two_networks(), (SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.9))
    for _ in range(2):
        for network, optimizer in zip(networks, optimizers, strict=True):
            grads = {key: np.ones_like(array) for key, array in network.params.items()}
            optimizer.step(network.params, grads)
    assert networks[0].params["0.weight"] is networks[1].params["0.weight"]


def images(ties: bool = True) -> Sequential:
    model = trainings.model()
    extra = Sequential(
        Conv2d(3, 3, 3, padding=1, rng=7), ReLU(), Conv2d(3, 3, 3, padding=1, rng=8), *model
    )
    if ties:
        extra.params["2.weight"] = extra.params["0.weight"]
    return extra


def solver(path: Path, ties: bool = True, num_epochs: int = 2) -> Solver:
    return Solver(
        images(ties), trainings.data(), optimizer=SGD(0.02, momentum=0.9), num_epochs=num_epochs,
        batch_size=32, checkpoint=path, verbose=False,
    )  # fmt: skip


def test_checkpoints_untied_silently(tmp_path: Path) -> None:
    whole = solver(tmp_path / "whole.safetensors")
    whole.train()
    solver(tmp_path / "half.safetensors", num_epochs=1).train()
    again = solver(tmp_path / "half.safetensors")
    again.resume()
    assert again.model[0].params["weight"] is again.model[2].params["weight"]
    assert trainings.fingerprint(again) == trainings.fingerprint(whole)
    assert {"0.weight", "2.weight"} <= set(again.best_params)
    again.model.load_state_dict(again.best_params)
    assert again.model[0].params["weight"] is again.model[2].params["weight"]
    save_weights(tmp_path / "w.safetensors", again.best_params)
    again.model.load_state_dict(load_weights(tmp_path / "w.safetensors"))


def test_a_checkpoint_of_a_tied_network_is_not_that_of_an_untied_one(tmp_path: Path) -> None:
    solver(tmp_path / "c.safetensors", num_epochs=1).train()
    with pytest.raises(CheckpointError, match=r"2\.weight is the same array as 0\.weight in the"):
        solver(tmp_path / "c.safetensors", ties=False).resume()
