"""Where windows fall, against looking at each of them."""

from hypothesis import given
from hypothesis import strategies as st

from cnnlite.checks.windows import windows_along
from cnnlite.reference.windows import taps

small = st.integers(0, 4)
positive = st.integers(1, 5)


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
