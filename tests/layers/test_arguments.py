"""What layers keep of their arguments, and how they refuse what cannot be."""

from typing import Any

import numpy as np
import pytest

from cnnlite.layers import AvgPool2d, Conv2d, Linear, MaxPool2d


@pytest.mark.parametrize(
    "make",
    [
        lambda padding: Conv2d(1, 1, 3, padding=padding),
        lambda padding: MaxPool2d(3, padding=padding),
        lambda padding: AvgPool2d(3, padding=padding),
    ],
)
def test_a_list_that_is_changed_later_changes_no_layer(make: Any) -> None:
    padding = [1, np.int64(0)]
    layer = make(padding)
    padding[0] = 5
    assert layer.padding == (1, 0)
    assert layer(np.ones((1, 1, 4, 4), np.float32)).shape[2:] != (12, 12)
    assert "np." not in repr(layer)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: Conv2d(10**9, 10**9, 3), "(1000000000, 1000000000, 3, 3)"),
        (lambda: Linear(10**10, 10**10), "(10000000000, 10000000000)"),
    ],
)
def test_weights_that_no_machine_has_room_for(make: Any, shape: str) -> None:
    with pytest.raises(ValueError, match=r"would take \d+ bytes") as error:
        make()
    assert f"weight of shape {shape}" in str(error.value)


def test_too_little_memory_is_told_with_the_shapes() -> None:
    x, layer = np.ones((1, 3, 4, 4), np.float32), Conv2d(3, 4, 3, padding=10**6)
    with pytest.raises(MemoryError, match=r"Conv2d: .*\(x \(1, 3, 4, 4\), y \(1, 4, 2000002, "):
        layer(x)
