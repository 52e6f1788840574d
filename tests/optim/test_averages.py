"""Averages of weights: PyTorch as the judge, tied weights, state, and clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnlite import BatchNorm1d, Linear, ReLU, Sequential, Tanh
from cnnlite.interop.torch import to_torch
from cnnlite.layers import Layer
from cnnlite.optim import EMA, AveragedWeights


def network(dtype: Any = np.float64) -> Sequential:
    return Sequential(
        Linear(3, 4, dtype=dtype, rng=0),
        BatchNorm1d(4, dtype=dtype),
        Linear(4, 2, dtype=dtype, rng=1),
    )


def moved(model: Layer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for arrays in (model.params, model.buffers):
        for array in arrays.values():
            array[...] = rng.standard_normal(array.shape) + 1 if array.dtype.kind == "f" else seed


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-6)])
@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("decay", [None, 0.9, 0.999, 0.3, 0])
def test_as_pytorch(
    torch: Any, decay: float | None, use_buffers: bool, dtype: Any, tolerance: float
) -> None:
    utils, model = torch.optim.swa_utils, network(dtype)
    if decay is None:
        ours: AveragedWeights = AveragedWeights(use_buffers=use_buffers)
        rule = {"avg_fn": utils.get_swa_avg_fn()}
    else:
        ours = EMA(decay, use_buffers=use_buffers)
        rule = {"multi_avg_fn": utils.get_ema_multi_avg_fn(decay)}
    judge = utils.AveragedModel(to_torch(model), use_buffers=use_buffers, **rule)
    for seed in range(6):
        moved(model, seed)
        ours.update(model)
        judge.update_parameters(to_torch(model))
        assert ours.n_averaged == int(judge.n_averaged)
        for key, array in ours.state.items():
            assert array.dtype == model.state_dict()[key].dtype
            if key.endswith("num_batches_tracked"):
                assert array == seed  # PyTorch averages and cuts the count: nothing to learn from
            else:
                truth = judge.module.state_dict()[key].numpy()
                np.testing.assert_allclose(array, truth, tolerance, tolerance, err_msg=key)


def test_the_model_stays_as_it_is_and_can_take_the_average() -> None:
    model, average = network(), EMA(0.5)
    for seed in range(3):
        moved(model, seed)
        before = model.state_dict()
        average.update(model)
        np.testing.assert_equal(model.state_dict(), before)
    model.load_state_dict(average.state)
    np.testing.assert_equal(model.state_dict(), average.state)
    assert not any(np.shares_memory(average.state[key], model.params[key]) for key in model.params)


def test_an_array_under_two_names_is_averaged_once() -> None:
    shared = Linear(3, 3, dtype=np.float64, rng=0)
    model, average = Sequential(shared, Tanh(), shared, ReLU()), EMA(0.5)
    for seed in range(3):
        moved(model, seed)
        average.update(model)
    other = EMA(0.5)
    other.load_state_dict(average.state_dict())
    moved(model, 9)
    average.update(model)
    other.update(model)
    np.testing.assert_equal(other.state, average.state)
    np.testing.assert_array_equal(other.state["0.weight"], other.state["2.weight"])
    model.load_state_dict(average.state)


@pytest.mark.parametrize("make", [EMA, AveragedWeights, lambda: EMA(0.9, warmup=True)])
def test_state_goes_round_bit_by_bit(make: Any) -> None:
    model, first, second = network(np.float32), make(), make()
    second.load_state_dict(first.state_dict())  # of an average that has seen nothing
    for seed in range(3):
        moved(model, seed)
        first.update(model)
    state = first.state_dict()
    second.load_state_dict(state)
    for seed in range(3, 5):
        moved(model, seed)
        first.update(model)
        second.update(model)
    for key, array in first.state.items():
        assert array.tobytes() == second.state[key].tobytes()
    assert second.n_averaged == 5


def test_warmup_forgets_the_first_weights_sooner() -> None:
    model = network()
    short, long = EMA(0.999, warmup=True), EMA(0.999)
    for step in range(100):
        for array in model.params.values():
            array[...] = step > 0
        short.update(model)
        long.update(model)
    assert short.state["0.weight"].min() > 0.99
    assert long.state["0.weight"].max() < 0.11
    assert [round(short.weight(n), 3) for n in (0, 1, 9, 10**6)] == [1, 0.9, 0.5, 0.001]


def test_which_steps_belong_to_the_average() -> None:
    def due(average: AveragedWeights, total: int = 8) -> list[int]:
        return [step for step in range(1, total + 1) if average.due(step, total)]

    assert due(AveragedWeights()) == [7, 8]
    assert due(AveragedWeights(start=4, every=2)) == [6, 8]
    assert due(AveragedWeights(start=0.0, every=3)) == [3, 6]
    assert due(EMA()) == list(range(1, 9))


def test_an_average_of_another_model_is_refused() -> None:
    average, other = (
        EMA(),
        Sequential(Linear(3, 5, dtype=np.float64), Linear(5, 2, dtype=np.float64)),
    )
    average.update(network())
    before = average.state_dict()
    with pytest.raises(
        ValueError, match=r"EMA: the average has float64 \(4, 3\) for '0.weight', the"
    ):
        average.update(other)
    with pytest.raises(ValueError, match=r"has float64 \(4, 3\) for '0.weight', the model float32"):
        average.update(network(np.float32))
    np.testing.assert_equal(average.state_dict(), before)


def test_warnings_do_not_stop_an_update_in_its_middle() -> None:
    model, average = network(np.float32), EMA(0.9)
    average.update(model)
    for array in model.params.values():
        array[...] = 1e-44
    with np.errstate(all="raise"):
        average.update(model)
    assert average.n_averaged == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EMA(1.0), ValueError, "EMA: decay is 1.0, expected a number from 0 to below 1"),
        (lambda: EMA("0.9"), TypeError, "EMA: decay is '0.9', expected a number"),
        (lambda: EMA(warmup=1), TypeError, "EMA: warmup is 1, expected True or False"),
        (lambda: EMA(use_buffers=None), TypeError, "EMA: use_buffers is None, expected True or"),
        (lambda: AveragedWeights(1.5), ValueError, "AveragedWeights: start is 1.5, expected a num"),
        (lambda: AveragedWeights(every=0), ValueError, "AveragedWeights: every is 0, expected an"),
        (lambda: EMA().load_state_dict({}), TypeError, "EMA: state is {}, expected a mapping with"),
        (
            lambda: EMA().load_state_dict({"n_averaged": np.array(2)}),
            ValueError,
            "EMA: state has 0 arrays of 2 averaged ones",
        ),
    ],
)
def test_bad_arguments(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("average", [EMA(), AveragedWeights()])
def test_what_is_no_layer_has_no_average(average: AveragedWeights) -> None:
    name = type(average).__name__
    with pytest.raises(TypeError, match=f"^{name}: model is {{}}, expected a layer"):
        average.update({})  # type: ignore[arg-type]
