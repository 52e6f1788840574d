"""Weights of another network, and layers that training leaves alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cnnlite.checkpoint import CheckpointError
from cnnlite.layers import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    InstanceNorm2d,
    Layer,
    Linear,
    ReLU,
    Residual,
    Sequential,
)
from cnnlite.models import MODELS, freeze_layers, load_matching
from cnnlite.optim import SGD, Adam, RMSprop
from cnnlite.solver import Solver
from tests import trainings

pytestmark = pytest.mark.usefixtures("one_thread")


def network(classes: int = 4) -> Sequential:
    block = Sequential(Conv2d(4, 4, 3, padding=1, rng=2), BatchNorm2d(4), ReLU())
    return Sequential(
        Conv2d(3, 4, 3, padding=1, rng=1), BatchNorm2d(4), ReLU(), Residual(block), Flatten(),
        Dropout(0.1), Linear(256, classes, rng=3),
    )  # fmt: skip


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


class TestLoadMatching:
    def test_another_head_stays_fresh(self) -> None:
        source, model = network(4), network(7)
        for array in source.params.values():
            array += 1
        before = model.state_dict()
        found = load_matching(model, source.state_dict())
        assert found.differing == ["6.weight", "6.bias"]
        assert not found.missing
        assert not found.unexpected
        after, given = model.state_dict(), source.state_dict()
        assert set(found.loaded) | set(found.differing) == set(after)
        for key in after:
            assert same(after[key], (before if key in found.differing else given)[key])

    def test_what_only_one_of_them_has_is_named(self) -> None:
        model = Sequential(Linear(3, 2, rng=0), Linear(2, 2, rng=0))
        state = {"0.weight": np.ones((2, 3)), "0.bias": np.ones(2), "head": np.ones(1)}
        found = load_matching(model, state)
        assert found == (["0.weight", "0.bias"], [], ["1.weight", "1.bias"], ["head"])
        assert model.params["0.weight"].dtype == np.float32

    @pytest.mark.parametrize("state", [{}, {"0.weight": np.ones(3)}, "bn"])
    def test_nothing_in_common_is_an_error(self, state: Any) -> None:
        model = network()
        if state == "bn":  # a count of batches is nothing to begin with
            state = {key: array for key, array in model.state_dict().items() if "num_b" in key}
        before = model.state_dict()
        with pytest.raises(ValueError, match="load_matching: no parameter has the same name and"):
            load_matching(model, state)
        assert all(same(before[key], array) for key, array in model.state_dict().items())

    def test_a_state_that_is_none(self) -> None:
        with pytest.raises(TypeError, match="load_matching: state must be a mapping"):
            load_matching(network(), [np.ones(3)])  # type: ignore[arg-type]


OPTIMIZERS = [
    lambda: SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda: Adam(0.01, weight_decay=0.1),
    lambda: RMSprop(0.01, momentum=0.9, weight_decay=0.1),
]


class TestFreezeLayers:
    @pytest.mark.parametrize("make", OPTIMIZERS)
    @pytest.mark.parametrize(
        "patterns", [("0", "1"), ("[013].*",), ("6.*",), ("*.bias",), ("3.body.1",)]
    )
    def test_training_moves_the_others_only(self, make: Any, patterns: tuple[str, ...]) -> None:
        model = network()
        frozen = freeze_layers(model, *patterns)
        before = model.state_dict()
        optimizer = make()
        Solver(
            model, trainings.data(), optimizer=optimizer, batch_size=10, num_epochs=2, verbose=False
        ).train()
        for key, array in model.state_dict().items():
            assert same(before[key], array) == (key in frozen), key
        assert not set(frozen) & set(optimizer.state)

    def test_a_frozen_norm_normalises_as_in_inference(self) -> None:
        for norm in (BatchNorm2d(3), InstanceNorm2d(3, affine=True, track_running_stats=True)):
            model = Sequential(norm, Flatten(), Linear(3 * 4, 2, rng=0))
            norm.buffers["running_mean"][...] = [1, 2, 3]
            x = np.random.default_rng(0).standard_normal((5, 3, 2, 2)).astype(np.float32)
            freeze_layers(model, "0")
            y, cache = model.forward(x)
            assert same(y, model(x))
            dx, grads = model.backward(np.ones_like(y), cache)
            assert set(grads) == {"2.weight", "2.bias"}
            scale = 1 / np.sqrt(1 + norm.eps)
            weight = model.params["2.weight"].sum(axis=0).reshape(3, 2, 2)
            np.testing.assert_allclose(dx, np.tile(weight * scale, (5, 1, 1, 1)), rtol=1e-5)

    def test_a_norm_whose_bias_alone_is_frozen_still_counts_batches(self) -> None:
        model = Sequential(BatchNorm2d(3), Flatten(), Linear(12, 2, rng=0))
        assert freeze_layers(model, "0.bias") == ["0.bias"]
        model.forward(np.ones((2, 3, 2, 2), np.float32))
        assert model.buffers["0.num_batches_tracked"] == 1

    def test_a_norm_without_parameters_is_frozen_by_its_statistics(self) -> None:
        model = Sequential(BatchNorm2d(3, affine=False), Flatten(), Linear(12, 2, rng=0))
        assert "0.running_var" in freeze_layers(model, "0")
        model.forward(np.ones((2, 3, 2, 2), np.float32))
        assert model.buffers["0.num_batches_tracked"] == 0

    def test_backward_ends_at_the_lowest_layer_that_is_trained(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = network()
        freeze_layers(model, "0", "1", "3")
        called: list[str] = []
        for kind in (Conv2d, BatchNorm2d, Residual, Linear):
            was = kind.backward

            def backward(self: Layer, *args: Any, was: Any = was, **options: Any) -> Any:
                called.append(type(self).__name__)
                return was(self, *args, **options)

            monkeypatch.setattr(kind, "backward", backward)
        y, cache = model.forward(np.ones((2, 3, 8, 8), np.float32), rng=0)
        dx, grads = model.backward(y, cache, need_dx=False)
        assert dx is None
        assert set(grads) == {"6.weight", "6.bias"}
        assert called == ["Linear"]

    def test_the_trained_layers_have_the_gradients_that_they_had(self) -> None:
        x = np.random.default_rng(0).standard_normal((4, 3, 8, 8)).astype(np.float32)
        whole, part = network(), network()
        freeze_layers(part, "*.bias")
        results = []
        for model in (whole, part):
            y, cache = model.forward(x, rng=0)
            results.append(model.backward(np.ones_like(y), cache, need_dx=False)[1])
        assert set(results[1]) == {key for key in results[0] if not key.endswith("bias")}
        for key, grad in results[1].items():
            assert grad is not None
            assert same(grad, results[0][key])  # type: ignore[arg-type]

    def test_a_tied_array_is_frozen_under_both_names(self) -> None:
        model = Sequential(Linear(4, 4, rng=0), Linear(4, 4, rng=1))
        second = model[1]
        second.params["weight"] = model[0].params["weight"]
        assert freeze_layers(model, "1.weight") == ["0.weight", "1.weight"]
        y, cache = model.forward(np.ones((2, 4), np.float32))
        assert set(model.backward(y, cache)[1]) == {"0.bias", "1.bias"}

    def test_a_layer_of_ones_own_that_is_the_whole_network(self) -> None:
        class Scores(Layer):
            def __init__(self) -> None:
                self.params["weight"] = np.zeros((4, 192), np.float32)
                self.params["bias"] = np.zeros(4, np.float32)

            def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
                x = x.reshape(len(x), -1)
                return x @ self.params["weight"].T + self.params["bias"], x

            def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
                return None, {"weight": dy.T @ cache, "bias": dy.sum(axis=0)}

        model = Scores()
        freeze_layers(model, "bias")
        Solver(model, trainings.data(), batch_size=10, num_epochs=1, verbose=False).train()
        assert not model.params["bias"].any()
        assert model.params["weight"].any()

    def test_a_layer_of_ones_own_asks_before_it_moves_buffers(self) -> None:
        class Mean(Layer):
            def __init__(self) -> None:
                self.params["weight"] = np.ones((), np.float32)
                self.buffers["mean"] = np.zeros((), np.float32)

            def forward(self, x: np.ndarray, train: bool = True, rng: Any = None) -> Any:
                if self.moves_buffers(train):
                    self.buffers["mean"][...] = x.mean()
                return x * self.params["weight"], x

            def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
                return dy * self.params["weight"], {"weight": np.sum(dy * cache)}

        model = Sequential(Mean(), Linear(2, 2, rng=0))
        freeze_layers(model, "0")
        model.forward(np.ones((2, 2), np.float32))
        assert model.buffers["0.mean"] == 0
        freeze_layers(model)
        model.forward(np.ones((2, 2), np.float32))
        assert model.buffers["0.mean"] == 1

    def test_the_last_call_counts(self) -> None:
        model = network()
        freeze_layers(model, "0")
        assert freeze_layers(model, "6.bias") == ["6.bias"]
        assert freeze_layers(model) == []
        assert model.frozen_keys == frozenset()

    def test_what_matches_nothing_lists_the_keys(self) -> None:
        model = Sequential(Linear(2, 2, rng=0))
        with pytest.raises(ValueError, match=r"matches '1\.\*'; .* are 0\.weight, 0\.bias"):
            freeze_layers(model, "0.bias", "1.*")
        assert not model.frozen_keys
        with pytest.raises(ValueError, match="leaves no parameter to train"):
            freeze_layers(model, "*")

    def test_a_checkpoint_belongs_to_the_layers_that_were_frozen(self, tmp_path: Any) -> None:
        def solver(patterns: tuple[str, ...], epochs: int) -> Solver:
            model = network()
            freeze_layers(model, *patterns)
            path = tmp_path / "run.safetensors"
            return Solver(
                model,
                trainings.data(),
                batch_size=10,
                num_epochs=epochs,
                checkpoint=path,
                verbose=False,
            )

        straight = network()
        freeze_layers(straight, "0")
        Solver(straight, trainings.data(), batch_size=10, num_epochs=2, verbose=False).train()
        solver(("0",), 1).train()
        with pytest.raises(CheckpointError, match="frozen is"):
            solver((), 2).resume()
        again = solver(("0",), 2)
        again.resume()
        for key, array in again.model.state_dict().items():
            assert same(array, straight.state_dict()[key])


@pytest.mark.parametrize("name", [name for name in MODELS if name != "softmax_classifier"])
def test_the_zoo_can_be_fine_tuned(name: str) -> None:
    source, model = MODELS[name](rng=0), MODELS[name](num_classes=3, rng=1)
    found = load_matching(model, source.state_dict())
    head = found.differing
    body: Mapping[str, Any] = {key: None for key in model.params if key not in head}
    if body:
        freeze_layers(model, *body)
        y, cache = model.forward(np.ones((2, 3, 32, 32), np.float32))
        assert list(model.backward(y, cache, need_dx=False)[1]) == head


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: freeze_layers(3, "0"), "freeze_layers: model is 3, expected a layer"),
        (lambda: freeze_layers(network(), 0), "freeze_layers: a pattern is 0, expected text"),
        (lambda: load_matching(None, {}), "load_matching: model is None, expected a layer"),
    ],
)
def test_what_is_no_layer_or_pattern_is_named(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        call()
