"""Each layer's cost is measured, with the shapes, parameters and bytes of the summary."""

import numpy as np
import pytest

from cnnlite.layers import Conv2d, Flatten, Linear, ReLU, Residual, Sequential
from cnnlite.report.network import measure
from tests.report import pages


def test_every_layer_has_a_row_with_its_path_and_its_time() -> None:
    model = Sequential(
        Conv2d(2, 2, 3, padding=1, rng=0), Residual(Sequential(ReLU(), ReLU())), Flatten(),
        Linear(32, 3, rng=1),
    )  # fmt: skip
    before = {key: array.copy() for key, array in model.state_dict().items()}
    rows = {row.name: row for row in measure(model, (2, 4, 4))}
    assert list(rows) == ["", "0", "1", "1.body", "1.body.0", "1.body.1", "2", "3"]
    assert [name for name, row in rows.items() if row.ms is None] == ["", "1", "1.body"]
    timed = [row for row in rows.values() if row.ms is not None]
    assert all(row.ms > 0 and row.backward_ms > 0 for row in timed)
    assert rows["3"].shape == (3,)
    assert rows["0"].multiply_adds == 2 * 2 * 9 * 16
    summary = model.summary((2, 4, 4))
    assert sum(row.params for row in rows.values()) == summary.params == model.num_params
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    assert "forward" not in vars(model)


def test_a_layer_that_stands_twice_has_a_time_in_each_place() -> None:
    relu = ReLU()
    rows = measure(Sequential(relu, Flatten(), relu), (1, 4, 4))
    assert [row.name for row in rows] == ["", "0", "1", "2"]
    assert all(row.ms > 0 and row.backward_ms > 0 for row in rows[1:])


def test_a_single_layer_is_a_network_too() -> None:
    (row,) = measure(Linear(4, 2, rng=0), (4,))
    assert (row.name, row.kind, row.shape, row.params) == ("", "Linear", (2,), 10)
    assert row.ms is not None


def test_an_image_that_the_network_does_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        measure(pages.network(3), (1, 8, 8))
