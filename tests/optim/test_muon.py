"""Muon where PyTorch has no counterpart: convolutions, vectors, mixed groups, bits of threads."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from cnnlite import get_num_threads, set_num_threads
from cnnlite.optim import SGD, AdamW, Muon, named, no_decay

Arrays = dict[str, np.ndarray]
SHAPES = {"conv.weight": (6, 3, 2, 2), "conv.bias": (6,), "head.weight": (3, 8), "scale": ()}


def make(seed: int, dtype: Any = np.float64) -> Arrays:
    rng = np.random.default_rng(seed)
    return {key: np.asarray(rng.standard_normal(shape), dtype) for key, shape in SHAPES.items()}


def polar(matrix: np.ndarray) -> np.ndarray:
    """The orthogonal matrix that is nearest."""
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    return u @ v


def test_a_convolution_is_the_matrix_whose_rows_are_its_filters() -> None:
    params, grads = make(0), make(1)
    flat = {"m": params["conv.weight"].reshape(6, 12).copy()}
    first, second = Muon(0.1), Muon(0.1)
    for _ in range(3):
        first.step(params, grads)
        second.step(flat, {"m": grads["conv.weight"].reshape(6, 12)})
    assert params["conv.weight"].reshape(6, 12).tobytes() == flat["m"].tobytes()


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (5, 5)])
def test_the_move_is_orthogonal_where_the_iteration_converges(shape: tuple[int, int]) -> None:
    """Newton and Schulz's own coefficients lead to the polar factor."""
    params, grad = {"m": np.zeros(shape)}, np.random.default_rng(2).standard_normal(shape)
    optimizer = Muon(1.0, 0, ns_coefficients=(1.875, -1.25, 0.375), ns_steps=40)
    optimizer.step(params, {"m": grad})
    wanted = -(max(1, shape[0] / shape[1]) ** 0.5) * polar(grad)
    np.testing.assert_allclose(params["m"], wanted, rtol=0, atol=1e-9)


def test_vectors_move_as_adamw_moves_them() -> None:
    ours, twin = make(0), make(0)
    muon, adamw = Muon(0.03, weight_decay=0.2), AdamW(0.03, weight_decay=0.2)
    for seed in range(4):
        muon.step(ours, make(seed))
        adamw.step(twin, make(seed))
    for key in ("conv.bias", "scale"):
        assert ours[key].tobytes() == twin[key].tobytes()
        assert muon.state[key].keys() == {"step", "exp_avg", "exp_avg_sq"}
    assert muon.state["head.weight"].keys() == {"momentum_buffer"}


def test_no_decay_of_a_group_reaches_the_vectors() -> None:
    ours, twin = make(0), make(0)
    Muon(0.03, groups=[{"match": no_decay, "weight_decay": 0, "lr": 0.5}]).step(ours, make(1))
    AdamW(0.5, weight_decay=0).step(twin, make(1))
    assert ours["conv.bias"].tobytes() == twin["conv.bias"].tobytes()


def mixed() -> Muon:
    sgd = SGD(0.2, momentum=0.9, nesterov=True, groups=[{"match": named("*.bias"), "lr": 0.4}])
    groups: list[dict[str, Any]] = [
        {"match": named("head.*", "*.bias"), "optimizer": sgd},
        {"match": named("conv.*"), "weight_norm": True, "lr": 0.05},
    ]
    return Muon(0.01, groups=groups)


def test_a_group_with_an_optimizer_of_its_own_moves_as_that_does() -> None:
    ours, twin, conv = make(0), make(0), make(0)
    muon, sgd = mixed(), SGD(0.2, momentum=0.9, nesterov=True)
    muon.lr = 0.005  # half of what it was made with, and all rates go with it
    sgd.lr, bias = 0.1, SGD(0.4, momentum=0.9, nesterov=True)
    for seed in range(1, 4):
        muon.step(ours, make(seed), 0.5)
        bias.step({"b": twin["conv.bias"]}, {"b": make(seed)["conv.bias"]}, 0.25)
        sgd.step({"w": twin["head.weight"]}, {"w": make(seed)["head.weight"]}, 0.5)
    for key in ("conv.bias", "head.weight"):
        np.testing.assert_allclose(ours[key], twin[key], rtol=1e-12)
    # Scaled to the norm sqrt(6), then moved by a matrix whose norm is about that, times the rate.
    start = conv["conv.weight"] * 6**0.5 / np.linalg.norm(conv["conv.weight"])
    one = make(0)
    mixed().step(one, {"conv.weight": make(1)["conv.weight"]})
    moved = np.linalg.norm(one["conv.weight"] - start * (1 - 0.05 * 0.1))
    assert 0.6 * 0.05 < moved / 6**0.5 < 1.3 * 0.05


def test_a_mixed_state_goes_round_and_so_does_a_copy() -> None:
    first, params = mixed(), make(0)
    for seed in range(3):
        first.step(params, make(seed))
    second, copied, twin = mixed(), copy.deepcopy(first), {k: a.copy() for k, a in params.items()}
    third = {key: array.copy() for key, array in params.items()}
    second.load_state_dict(first.state_dict())
    for optimizer, arrays in ((first, params), (second, twin), (copied, third)):
        optimizer.step(arrays, make(9))
    for key in SHAPES:
        assert params[key].tobytes() == twin[key].tobytes() == third[key].tobytes()
    config = first.config()
    assert config["groups"][0]["optimizer"]["groups"][0]["match"] == "named('*.bias')"


def test_the_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    start, grad = (rng.standard_normal((96, 64, 3, 3)).astype(np.float32) for _ in range(2))
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            params = {"w": start.copy()}
            Muon(0.1).step(params, {"w": grad})
            found.append(params["w"].tobytes())
    finally:
        set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("grad", [np.nan, np.inf])
def test_what_is_not_finite_moves_a_matrix_to_nan(grad: float) -> None:
    params, grads = {"m": np.ones((2, 3))}, {"m": np.ones((2, 3))}
    grads["m"][0, 0] = grad
    Muon(0.1).step(params, grads)
    assert np.isnan(params["m"]).all()


def test_gradients_of_zero_leave_all_but_the_decay() -> None:
    params = {"m": np.ones((2, 3), np.float32), "none": np.ones((0, 3), np.float32)}
    Muon(0.5, weight_decay=0.5).step(params, {key: a * 0 for key, a in params.items()})
    assert (params["m"] == 0.75).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"ns_steps": 100}, ValueError, "Muon: ns_steps is 100, expected an integer from 0 to 99"),
        ({"ns_steps": 1.5}, TypeError, "Muon: ns_steps is 1.5"),
        ({"ns_coefficients": (1, 2)}, TypeError, "ns_coefficients must be three numbers"),
        ({"ns_coefficients": (1, 2, "3")}, TypeError, r"ns_coefficients\[2\]"),
        ({"adjust_lr_fn": "adam"}, ValueError, "Muon: adjust_lr_fn is 'adam'"),
        (
            {"groups": [{"match": no_decay, "optimizer": SGD}]},
            TypeError,
            r"groups\[0\] must have",
        ),
        (
            {"groups": [{"match": no_decay, "optimizer": SGD(0.1), "lr": 1}]},
            TypeError,
            "whose options are its own",
        ),
        ({"groups": [{"match": no_decay, "weight_norm": 1}]}, TypeError, "weight_norm"),
    ],
)
def test_bad_options_are_named(options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Muon(0.1, **options)


def test_names_are_texts() -> None:
    with pytest.raises(TypeError, match="named: patterns are"):
        named()


def test_a_rate_that_is_set_later_moves_vectors_too() -> None:
    optimizer = Muon(0.0, weight_decay=0.0)
    optimizer.lr = 0.05
    params = {"w": np.eye(3), "b": np.ones(3)}
    optimizer.step(params, {"w": np.ones((3, 3)), "b": np.ones(3)})
    assert not np.array_equal(params["w"], np.eye(3))
    assert not np.array_equal(params["b"], np.ones(3))
