"""PyTorch judges the updates: every step, all options, groups, frozen parameters, both dtypes."""

from __future__ import annotations

import itertools
import sys
import types
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cnnlite.optim import OPTIMIZERS, SGD, Adam, AdamW, Muon, Optimizer, RMSprop, no_decay

Options = dict[str, Any]
# Every value of an option with every value of every other one.
GRID: dict[type[Optimizer], dict[str, tuple[Any, ...]]] = {
    SGD: {
        "lr": (0.1,),
        "momentum": (0, 0.9),
        "dampening": (0, 0.3, 1),
        "weight_decay": (0, 0.01),
        "nesterov": (False, True),
        "maximize": (False, True),
    },
    RMSprop: {
        "lr": (0.01,),
        "alpha": (0.99, 0.4, 0),
        "eps": (1e-3,),
        "weight_decay": (0, 0.1),
        "momentum": (0, 0.9),
        "centered": (False, True),
        "maximize": (False, True),
    },
    Adam: {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.8, 0.4)),
        "eps": (1e-8, 1e-3),
        "weight_decay": (0, 0.1),
        "amsgrad": (False, True),
        "maximize": (False, True),
    },
}
GRID[AdamW] = GRID[Adam]
GRID[Muon] = {
    "lr": (0.05,),
    "weight_decay": (0.3,),
    "momentum": (0, 0.9),
    "nesterov": (False, True),
    "ns_coefficients": ((2, -1.5, 0.5),),
    "eps": (5.0,),
    "ns_steps": (0, 3),
    "adjust_lr_fn": (None, "match_rms_adamw"),
}


def makes_sense(options: Options) -> bool:
    if options.get("centered") and not options["alpha"]:
        return False  # g^2 - g^2 is under the root: nothing but rounding
    return not options.get("nesterov") or (options["momentum"] > 0 and not options.get("dampening"))


CASES: list[tuple[type[Optimizer], Options]] = [
    (kind, {})
    for kind in (RMSprop, Adam, AdamW, Muon)  # SGD has no default of lr here
]
for kind, grid in GRID.items():
    for values in itertools.product(*grid.values()):
        options = dict(zip(grid, values, strict=True))
        if makes_sense(options):
            CASES.append((kind, options))
SHAPES = {"0.weight": (4, 3, 2, 2), "0.bias": (4,), "1.weight": (5, 7), "scale": ()}
MATRICES = {"wide": (5, 7), "tall": (9, 4), "square": (3, 3)}  # PyTorch's Muon takes no others


def same(ours: np.ndarray, theirs: Any) -> bool:
    judge = theirs.detach().numpy()
    return bool(np.max(np.abs(ours - judge)) <= 1e-12 * np.max(np.abs(judge)))


def make(seed: int, shapes: dict[str, tuple[int, ...]] = SHAPES) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {key: np.asarray(rng.standard_normal(shape)) for key, shape in shapes.items()}


@pytest.fixture(autouse=True)
def no_half(torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PyTorch's Muon compute in the parameters' dtype, where it would in bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


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


def side_by_side(
    torch: Any, kind: type[Optimizer], options: Options, dtype: Any, tolerance: float
) -> None:
    """Take 20 steps, and compare parameters and the whole state after each."""
    shapes = MATRICES if kind is Muon else SHAPES
    params = {key: array.astype(dtype) for key, array in make(0, shapes).items()}
    twins = {key: torch.tensor(array, requires_grad=True) for key, array in params.items()}
    ours, judge = kind(**options), getattr(torch.optim, kind.__name__)(twins.values(), **options)
    for step in range(20):
        grads = {key: array.astype(dtype) for key, array in make(100 + step, shapes).items()}
        for key, twin in twins.items():
            twin.grad = torch.tensor(grads[key])
        ours.step(params, grads)
        judge.step()
        for key, twin in twins.items():
            compared = {"the parameter": (params[key], twin.detach().numpy())}
            theirs = {name: value for name, value in judge.state[twin].items() if value is not None}
            if kind is RMSprop:
                del theirs["step"]  # it is counted, and not used
            state = ours.state.get(key, {})
            assert set(state) == set(theirs)
            for name, value in theirs.items():
                compared[name] = np.asarray(state[name]), value.numpy()
            for name, (mine, truth) in compared.items():
                assert mine.dtype == dtype or name == "step"
                scale = tolerance * np.max(np.abs(truth))
                assert np.max(np.abs(mine - truth)) <= scale, (step, key, name)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_every_step_with_all_options(
    torch: Any, kind: type[Optimizer], options: dict[str, Any]
) -> None:
    side_by_side(torch, kind, options, np.float64, 1e-12)
    side_by_side(torch, kind, options, np.float32, 2e-5)


def published(torch: Any) -> Iterator[tuple[type[Optimizer], Options]]:
    """PyTorch's own table of settings, for its optimizers that we have too."""
    if "expecttest" not in sys.modules:  # the table itself has no use for it
        stub: Any = types.ModuleType("expecttest")
        stub.TestCase = unittest.TestCase
        sys.modules["expecttest"] = stub
    from torch.testing._internal.common_optimizers import optim_db

    for entry in optim_db:
        kind = OPTIMIZERS.get(entry.optim_cls.__name__.lower())
        for given in entry.optim_inputs_func(device="cpu") if kind else ():
            options = {
                name: float(value) if torch.is_tensor(value) else value
                for name, value in given.kwargs.items()
            }
            yield kind, {"lr": 1e-3, **options} if kind is SGD else options


def test_settings_of_pytorchs_own_tests(torch: Any) -> None:
    seen = set()
    for kind, options in published(torch):
        side_by_side(torch, kind, options, np.float64, 1e-12)
        side_by_side(torch, kind, options, np.float32, 2e-5)
        seen.add(kind)
    assert seen == set(OPTIMIZERS.values())


@pytest.mark.parametrize("kind", [kind for kind in OPTIMIZERS.values() if kind is not Muon])
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
    [
        (SGD, {"lr": 0.1, "momentum": 0.9}),
        (RMSprop, {"momentum": 0.5}),
        (Adam, {}),
        (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
        (AdamW, {"amsgrad": True}),
    ],
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
