"""Where windows fall, against counting them one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlite.checks.windows import windows_along
from cnnlite.reference.windows import taps

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


@given(st.integers(1, 9), positive, positive, small, small, positive, st.integers(0, 2))
def test_taps_visit_exactly_what_is_inside(size, kernel, stride, before, after, dilation, extra):
    outputs = windows_along(size, kernel, stride, before, after, dilation) + extra
    if outputs < 1:
        return
    visited = set()
    for tap in taps(
        (size, 1), (outputs, 1), (kernel, 1), (stride, 1), (before, after, 0, 0), (dilation, 1)
    ):
        ours = range(outputs)[tap.outputs[0]]
        theirs = range(size)[tap.inputs[0]]
        assert len(ours) == len(theirs)
        visited |= {(tap.kh, o, h) for o, h in zip(ours, theirs, strict=True)}
    expected = {
        (k, o, o * stride + k * dilation - before)
        for k in range(kernel)
        for o in range(outputs)
        if 0 <= o * stride + k * dilation - before < size
    }
    assert visited == expected
