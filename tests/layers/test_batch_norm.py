"""Batch normalisation: its running statistics, and what it refuses."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import BatchNorm1d, BatchNorm2d


def batches(count: int = 3, dtype: Any = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(i, 1 + i, (5, 3, 4, 4)).astype(dtype) for i in range(count)]


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_running_statistics_are_torchs_over_several_batches(torch: Any, momentum: Any) -> None:
    layer = BatchNorm2d(3, momentum=momentum, dtype=np.float64)
    module = torch.nn.BatchNorm2d(3, momentum=momentum).double()
    for x in batches():
        layer.forward(x)
        module(torch.from_numpy(x))
    for key, buffer in module.named_buffers():
        np.testing.assert_allclose(layer.buffers[key], buffer.numpy(), rtol=1e-12)
    module.eval()
    x = batches()[0]
    np.testing.assert_allclose(layer(x), module(torch.from_numpy(x)).detach().numpy(), rtol=1e-9)


def test_buffers_change_in_place_in_training_only() -> None:
    layer = BatchNorm2d(3, dtype=np.float64)
    arrays = dict(layer.buffers)
    before = layer.state_dict()
    layer(batches()[0])
    np.testing.assert_equal(layer.state_dict(), before)
    layer.forward(batches()[0])
    assert all(layer.buffers[key] is array for key, array in arrays.items())
    assert layer.buffers["num_batches_tracked"] == 1
    assert layer.buffers["num_batches_tracked"].shape == ()
    assert (layer.buffers["running_var"] != before["running_var"]).all()


def test_what_is_refused_is_not_counted() -> None:
    layer = BatchNorm1d(3, dtype=np.float64)
    before = layer.state_dict()
    with pytest.raises(ValueError, match=r"more than one value per channel, got x \(1, 3\)"):
        layer.forward(np.ones((1, 3)))
    np.testing.assert_equal(layer.state_dict(), before)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (BatchNorm1d(3), (4, 3, 5, 5), r"\(N, 3\)"),
        (BatchNorm1d(3), (4, 2), r"\(N, 3\)"),
        (BatchNorm2d(3), (4, 3), r"\(N, 3, H, W\)"),
        (BatchNorm2d(3), (4, 2, 5, 5), r"\(N, 3, H, W\)"),
    ],
)
def test_wrong_shapes(layer: Any, shape: Any, expected: str) -> None:
    with pytest.raises(
        ValueError, match=rf"{type(layer).__name__}: x has shape .*, expected {expected}"
    ):
        layer(np.zeros(shape, np.float32))


def test_no_array() -> None:
    with pytest.raises(TypeError, match="BatchNorm1d: x must be a NumPy array, got list"):
        BatchNorm1d(3)([[1.0, 2.0, 3.0]])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "settings", "error", "message"),
    [
        ((0,), {}, ValueError, "num_features is 0"),
        (("3",), {}, TypeError, "num_features is '3'"),
        ((3,), {"eps": -1}, ValueError, "eps is -1, expected a number from 0 up"),
        ((3,), {"momentum": 2}, ValueError, "momentum is 2, expected a number from 0 to 1"),
    ],
)
def test_wrong_arguments(args: Any, settings: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"BatchNorm2d: {message}"):
        BatchNorm2d(*args, **settings)


def test_a_read_only_count_of_batches_stopped_after_the_statistics_had_moved() -> None:
    layer = BatchNorm1d(3)
    layer.buffers["num_batches_tracked"].flags.writeable = False
    with pytest.raises(ValueError, match="BatchNorm1d: num_batches_tracked is read-only"):
        layer.forward(np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(layer.buffers["running_mean"], 0)
    layer.forward(np.ones((2, 3), np.float32), train=False)
