"""PyTorch judges the updates: 20 steps in float64, all options, groups, frozen parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite.optim import SGD, Adam, Optimizer, RMSprop, no_decay

CASES: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    (RMSprop, {"lr": 0.01}),
    (RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3}),
    (RMSprop, {"lr": 0.01, "momentum": 0.9}),
    (RMSprop, {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.1}),
    (RMSprop, {"lr": 0.01, "weight_decay": 0.1}),
    (Adam, {}),
    (Adam, {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4}),
    (Adam, {"lr": 0.02, "weight_decay": 0.1}),
]
SHAPES = {"0.weight": (4, 3, 2, 2), "0.bias": (4,), "1.weight": (5, 7), "scale": ()}


def same(ours: np.ndarray, theirs: Any) -> bool:
    judge = theirs.detach().numpy()
    return bool(np.max(np.abs(ours - judge)) <= 1e-12 * np.max(np.abs(judge)))


def make(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {key: np.asarray(rng.standard_normal(shape)) for key, shape in SHAPES.items()}


def run(
    torch: Any, ours: Optimizer, judge: Any, params: dict, twins: dict, steps: int = 20
) -> None:
    for step in range(steps):
        grads = make(100 + step)
        for key, twin in twins.items():
            twin.grad = torch.tensor(grads[key])
        ours.step(params, grads)
        judge.step()
    for key in SHAPES:
        assert same(params[key], twins[key]), key


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_twenty_steps(torch: Any, kind: type[Optimizer], options: dict[str, Any]) -> None:
    params = make(0)
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    judge = getattr(torch.optim, kind.__name__)(list(twins.values()), **options)
    run(torch, kind(**options), judge, params, twins)


@pytest.mark.parametrize("kind", [SGD, RMSprop, Adam])
def test_groups(torch: Any, kind: type[Optimizer]) -> None:
    params = make(0)
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    ours = kind(
        lr=0.01,
        weight_decay=0.1,
        groups=[
            {"match": no_decay, "weight_decay": 0},
            {"match": lambda key, array: key.startswith("1."), "lr": 0.03},
            {"match": lambda key, array: True, "lr": 0.02},
        ],
    )
    judge = getattr(torch.optim, kind.__name__)(
        [
            {"params": [twins["0.bias"], twins["scale"]], "weight_decay": 0, "lr": 0.01},
            {"params": [twins["1.weight"]], "lr": 0.03},
            {"params": [twins["0.weight"]], "lr": 0.02},
        ],
        lr=0.01,
        weight_decay=0.1,
    )
    run(torch, ours, judge, params, twins)


@pytest.mark.parametrize(
    ("kind", "options"),
    [(SGD, {"lr": 0.1, "momentum": 0.9}), (RMSprop, {"momentum": 0.5}), (Adam, {})],
)
def test_parameter_frozen_for_some_steps(
    torch: Any, kind: type[Optimizer], options: dict[str, Any]
) -> None:
    """A frozen step leaves the state alone too: Adam's count and the momentum wait."""
    params = make(0)
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    ours, judge = kind(**options), getattr(torch.optim, kind.__name__)(twins.values(), **options)
    for step in range(9):
        grads: dict[str, np.ndarray | None] = dict(make(step))
        if step % 3 == 1:
            grads["0.weight"] = None
        if step % 3 == 2:
            del grads["0.weight"]
        for key, twin in twins.items():
            grad = grads.get(key)
            twin.grad = None if grad is None else torch.tensor(grad)
        ours.step(params, grads)
        judge.step()
    for key in SHAPES:
        assert same(params[key], twins[key]), key


def test_float32_stays_float32_and_near(torch: Any) -> None:
    params = {key: array.astype(np.float32) for key, array in make(0).items()}
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    options: dict[str, Any] = {"momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}
    ours, judge = SGD(np.float64(0.1), **options), torch.optim.SGD(twins.values(), 0.1, **options)
    for step in range(20):
        grads = {key: array.astype(np.float32) for key, array in make(100 + step).items()}
        for key, twin in twins.items():
            twin.grad = torch.tensor(grads[key])
        ours.step(params, grads)
        judge.step()
    for key, state in ours.state.items():
        assert params[key].dtype == state["momentum_buffer"].dtype == np.float32
        np.testing.assert_allclose(params[key], twins[key].detach().numpy(), rtol=1e-5, atol=1e-5)
