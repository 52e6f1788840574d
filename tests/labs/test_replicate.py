"""The lab on replication: any order keeps its bound, and two frameworks part as far as rounding."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.labs import Settings, replicate
from cnnlite.labs.replicate import side_by_side as sbs
from cnnlite.labs.replicate import summation

F32, F64 = (np.dtype(kind) for kind in ("float32", "float64"))


@pytest.fixture(autouse=True)
def few_threads(one_thread: None) -> Any:
    """Neither framework gains from more here."""
    if importlib.util.find_spec("torch") is None:
        yield
    else:
        with replicate._threads_of_torch():
            yield


def test_sums_in_any_order_keep_the_bound(torch: Any) -> None:
    statements, differ = replicate.any_order(400, np.random.default_rng(1))
    for statement in statements:
        assert statement.holds, statement
        assert statement.worst > 0.1, "the bound is nearly reached by sums of few numbers"
    assert differ > 0.5


def test_orders_differ_where_addition_is_not_associative() -> None:
    a = np.array([1, 1e8, -1e8, 1], np.float32)
    found = summation.sums(a, np.ones(4, np.float32))
    assert summation.exact(a, np.ones(4, np.float32)) == 2
    assert found["one by one"] == 1
    assert found["by halves"] == 0
    assert len(set(found.values())) > 1


def test_states_are_exchanged_to_the_bit(torch: Any) -> None:
    statement = replicate.exchanged(6, np.random.default_rng(3))
    assert statement.holds
    assert statement.cases == 6 * 14  # keys of the network


@pytest.mark.parametrize("dtype", [F32, F64])
def test_same_weights_give_the_same_loss_and_own_weights_drift(torch: Any, dtype: Any) -> None:
    data = Settings().images(512, 0)
    run = replicate.compare(data, dtype)
    assert len(run.ours) == 4
    same = run.gap("same") / run.ours
    assert same.max() <= replicate.SAME_WEIGHTS[dtype.name]
    assert run.gap("theirs")[0] == run.gap("same")[0]
    u = np.finfo(dtype).eps
    assert 0 < run.apart[0] < 100 * u
    assert run.apart[-1] > run.apart[0]
    assert run.gap("theirs").max() < 1e5 * u
    assert 0 < run.apart_bit[0] < 100 * u, "one bit is enough to part"


def test_without_kinks_the_frameworks_stay_together(torch: Any) -> None:
    data = Settings().images(512, 0)
    run = replicate.compare(data, F32, smooth=True)
    assert run.gap("theirs").max() < 1e-5
    assert run.apart[-1] < 1e-5


def test_both_dtypes_begin_with_the_same_numbers() -> None:
    data = Settings().images(200, 0)
    for (x, y), (x2, y2) in zip(sbs.epoch(data, F32), sbs.epoch(data, F64), strict=True):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
        assert (x.dtype, x2.dtype) == (F32, F64)
    wide = sbs.network().astype(np.float64).state_dict()
    for key, array in sbs.network().state_dict().items():
        np.testing.assert_array_equal(array, wide[key])


def test_looking_at_the_layers_changes_nothing(torch: Any) -> None:
    model = sbs.network()
    before = model.state_dict()
    batch = next(sbs.epoch(Settings().images(64, 0), F32))
    found = sbs.layer_by_layer(model, batch)
    assert [name for name, _ in found][:2] == ["Conv2d", "BatchNorm2d"]
    assert all(apart < 1e-5 for _, apart in found)
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_one_bit_is_one_bit() -> None:
    before, after = sbs.network(), sbs.one_bit_off(sbs.network())
    differ = [
        int(np.count_nonzero(array.view(np.int32) - after.params[key].view(np.int32)))
        for key, array in before.params.items()
    ]
    assert sum(differ) == 1


def test_threads_of_pytorch_are_put_back(torch: Any) -> None:
    torch.set_num_threads(2)
    with replicate._threads_of_torch():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_without_pytorch_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnnlite.cli import main

    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert main(["lab", "replicate", "--out", str(tmp_path)]) == 2
    assert "needs PyTorch: pip install 'cnnlite[torch]'" in capsys.readouterr().err
