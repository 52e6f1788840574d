"""How many windows fit, against counting them and against PyTorch; the spellings of padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlite.checks.windows import as_stored, output_size, resolve_padding, windows_along

small = st.integers(0, 4)
positive = st.integers(1, 5)


@given(st.integers(0, 12), positive, positive, small, small, positive)
def test_floor_mode_counts_the_windows_that_fit(size, kernel, stride, before, after, dilation):
    reach = dilation * (kernel - 1) + 1
    fitting = [o for o in range(40) if o * stride + reach <= before + size + after]
    counted = windows_along(size, kernel, stride, before, after, dilation)
    assert max(counted, 0) == len(fitting)


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_both_modes_count_as_torch_does(torch, kernel, stride, padding, dilation, ceil_mode):
    for size in range(dilation * (kernel - 1) + 1, 13):
        expected = torch.nn.functional.max_pool2d(
            torch.zeros(1, 1, size, size), kernel, stride, padding, dilation, ceil_mode
        ).shape[2]
        assert (
            windows_along(size, kernel, stride, padding, padding, dilation, ceil_mode) == expected
        )


def test_rows_and_columns_are_counted_as_each_axis_is():
    window = (3, 2), (2, 1), (1, 0, 2, 1), (1, 2)
    rows, columns = windows_along(9, 3, 2, 1, 0, 1), windows_along(5, 2, 1, 2, 1, 2)
    assert output_size("Conv2d", (9, 5), *window) == (rows, columns)


@pytest.mark.parametrize(
    ("padding", "sides"),
    [
        (2, (2, 2, 2, 2)),
        (np.int64(2), (2, 2, 2, 2)),
        ((2,), (2, 2, 2, 2)),
        ([2, 1], (2, 2, 1, 1)),
        (((2, 0), [np.int8(1), 3]), (2, 0, 1, 3)),
        ("valid", (0, 0, 0, 0)),
        ("same", (1, 1, 1, 2)),
    ],
)
def test_every_spelling_of_padding(padding, sides):
    assert resolve_padding("Conv2d", padding, (3, 4), (1, 1), (1, 1)) == sides


@pytest.mark.parametrize("padding", [((2,), (1,)), ((2, 0),), (1, (1, 1)), (1, 1, 1, 1), None])
def test_half_a_spelling_of_padding_is_refused(padding):
    with pytest.raises(ValueError, match="Conv2d: padding must be an int or a pair"):
        resolve_padding("Conv2d", padding, (3, 4), (1, 1), (1, 1))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (np.int64(3), 3),
        ([3], (3, 3)),
        ([3, np.int64(2)], (3, 2)),
        ([[1, 0], (2, 3)], ((1, 0), (2, 3))),
        ("same", "same"),
    ],
)
def test_what_is_stored_is_plain(given, stored):
    assert repr(as_stored(given)) == repr(stored)


def test_same_with_a_stride_depends_on_the_image() -> None:
    for size, sides in (((7, 8), (1, 1, 0, 1)), ((8, 7), (0, 1, 1, 1)), ((1, 2), (1, 1, 0, 1))):
        assert resolve_padding("Conv2d", "same", (3, 3), (2, 2), (1, 1), size) == sides
    with pytest.raises(ValueError, match="Conv2d: padding 'same' needs stride 1, got stride"):
        resolve_padding("Conv2d", "same", (3, 3), (1, 2), (1, 1))
