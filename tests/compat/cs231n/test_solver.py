"""The course's Solver: its batches, its histories, its best weights."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.compat.cs231n import optim
from cnnlite.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from cnnlite.compat.cs231n.solver import Solver

pytestmark = pytest.mark.usefixtures("course_seed")


class Mean:
    """A model that guesses class 0 or 1 by one number, and notes what it was shown."""

    def __init__(self, start: float = 0.0) -> None:
        self.params = {"w": np.array([start])}
        self.seen: list[np.ndarray] = []

    def loss(self, X: np.ndarray, y: np.ndarray | None = None) -> Any:
        if y is None:
            return X[:, :1] * 0 + np.array([0.0, 1.0]) * self.params["w"]
        self.seen.append(X[:, 0])
        return float(self.params["w"][0]), {"w": np.array([-1.0])}


@pytest.fixture
def data() -> dict[str, np.ndarray]:
    X = np.arange(20.0).reshape(10, 2)
    y = np.array([0, 1] * 5)
    return {"X_train": X, "y_train": y, "X_val": X, "y_val": np.ones(10, int)}


def test_batches_are_those_that_the_course_draws(data: Mapping[str, Any]) -> None:
    model = Mean()
    Solver(model, data, num_epochs=2, batch_size=4, verbose=False).train()
    np.random.seed(231)  # noqa: NPY002
    expected = [data["X_train"][np.random.choice(10, 4), 0] for _ in range(4)]  # noqa: NPY002
    np.testing.assert_array_equal(model.seen, expected)


def test_accuracy_samples_come_from_the_same_stream(data: Mapping[str, Any]) -> None:
    model = Mean()
    options = {"num_epochs": 1, "batch_size": 4, "num_train_samples": 3, "num_val_samples": 2}
    Solver(model, data, verbose=False, **options).train()
    np.random.seed(231)  # noqa: NPY002
    first = np.random.choice(10, 4)  # noqa: NPY002
    np.random.choice(10, 3)  # noqa: NPY002
    np.random.choice(10, 2)  # noqa: NPY002
    second = np.random.choice(10, 4)  # noqa: NPY002
    np.testing.assert_array_equal(model.seen, data["X_train"][[first, second], 0])


def test_histories_have_the_first_iteration_and_every_epoch(data: Mapping[str, Any]) -> None:
    solver = Solver(Mean(), data, num_epochs=3, batch_size=5, verbose=False)
    solver.train()
    assert len(solver.loss_history) == 6
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 4
    assert solver.epoch == 3


def test_learning_rate_decays_after_each_epoch(data: Mapping[str, Any]) -> None:
    options = {"optim_config": {"learning_rate": 1.0}, "lr_decay": 0.5, "verbose": False}
    solver = Solver(Mean(), data, num_epochs=3, batch_size=10, **options)
    solver.train()
    assert solver.optim_configs["w"]["learning_rate"] == 0.125
    assert solver.optim_config == {"learning_rate": 1.0}
    np.testing.assert_allclose(solver.loss_history, [0, 1, 1.5])


def test_the_model_ends_with_its_best_weights(data: Mapping[str, Any]) -> None:
    model = Mean(-1.5)  # guesses 0, then 1 after two steps; what comes later is no better
    options = {"optim_config": {"learning_rate": 1.0}, "verbose": False}
    solver = Solver(model, data, num_epochs=5, batch_size=10, **options)
    solver.train()
    assert solver.val_acc_history == [0, 1, 1, 1, 1]
    assert solver.best_val_acc == 1
    np.testing.assert_array_equal(model.params["w"], [0.5])


def test_a_model_that_is_never_right_keeps_its_weights(data: Mapping[str, Any]) -> None:
    """The course's Solver left it without any."""
    model = Mean(-9.0)
    Solver(model, data, num_epochs=1, batch_size=10, verbose=False).train()
    assert set(model.params) == {"w"}


def test_prints_what_the_course_prints(
    data: Mapping[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    Solver(Mean(-9.0), data, num_epochs=2, batch_size=5, print_every=3).train()
    assert capsys.readouterr().out.splitlines() == [
        "(Iteration 1 / 4) loss: -9.000000",
        "(Epoch 0 / 2) train acc: 0.500000; val_acc: 0.000000",
        "(Epoch 1 / 2) train acc: 0.500000; val_acc: 0.000000",
        "(Iteration 4 / 4) loss: -8.970000",
        "(Epoch 2 / 2) train acc: 0.500000; val_acc: 0.000000",
    ]


def test_checkpoints_hold_the_model_and_can_be_loaded(
    data: Mapping[str, Any], tmp_path: Path
) -> None:
    name = str(tmp_path / "run")
    model = TwoLayerNet(input_dim=2, hidden_dim=3, num_classes=2)
    Solver(
        model, data, num_epochs=2, batch_size=5, verbose=False, checkpoint_name=name,
        update_rule="adam",
    ).train()  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"run_epoch_{i}.pkl" for i in range(3)]
    content = pickle.loads(Path(f"{name}_epoch_2.pkl").read_bytes())
    assert content["epoch"] == 2
    assert content["update_rule"] is optim.adam
    assert len(content["loss_history"]) == 4
    assert content["model"].params.keys() == model.params.keys()


@pytest.mark.parametrize(
    ("rule", "rate"), [("sgd", 0.3), ("sgd_momentum", 0.03), ("rmsprop", 0.01), ("adam", 0.01)]
)
def test_a_network_learns_by_every_rule(rule: str, rate: float, rng: np.random.Generator) -> None:
    X = rng.standard_normal((60, 3, 4, 4))
    y = (X.sum(axis=(1, 2, 3)) > 0).astype(int)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    model = FullyConnectedNet([10], input_dim=48, num_classes=2, weight_scale=0.2)
    options = {"optim_config": {"learning_rate": rate}, "verbose": False}
    solver = Solver(model, data, update_rule=rule, num_epochs=30, batch_size=20, **options)
    solver.train()
    assert solver.best_val_acc > 0.9
    assert solver.check_accuracy(X, y, batch_size=7) == solver.best_val_acc


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"update_rule": "adagrad"},
            ValueError,
            "update_rule is 'adagrad', expected one of 'adam'",
        ),
        ({"update_rule": "np"}, ValueError, "update_rule is 'np'"),
        ({"learning_rate": 1}, TypeError, "learning_rate"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"data": {"X_train": 1}}, ValueError, "data has no 'y_train'"),
        ({"data": {"y_val": np.ones(9)}}, ValueError, r"X_val is \(10, 2\) and y_val \(9,\)"),
        ({"data": {"y_train": np.ones((10, 2))}}, ValueError, r"y_train \(10, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(
    options: dict[str, Any], error: type[Exception], message: str, data: dict[str, np.ndarray]
) -> None:
    changed = options.pop("data", None)
    if changed is not None and "y_train" not in changed and "y_val" not in changed:
        data = changed
    elif changed is not None:
        data = {**data, **changed}
    with pytest.raises(error, match=message):
        Solver(Mean(), data, **options)
