"""Max-pooling, twins of cnnlite/reference/max_pooling.py.

One image's channel (a plane) is one piece of work.  The forward kernel visits the taps of the
window one after the other, each for whole rows of outputs: an inner loop without a jump.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.math cimport INFINITY

from cnnlite._ext.runtime cimport answer_signals, threads_for, turns_for
from cnnlite._ext.windows cimport (
    Axis, check_alignment, check_shape, end_inside, first_inside, is_half, pooling_axes, position,
    shape4,
)


def max_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    kernel, stride, padding, dilation,
):
    """Write the maximum of every window of x (in) to y (out), and where it was to argmax (out)."""
    cdef Axis axes[2]
    pooling_axes("max_pool2d_forward", x.shape, y.shape, kernel, stride, padding, dilation, axes)
    check_shape("max_pool2d_forward", "argmax", shape4(argmax.shape), shape4(y.shape))
    if <object> x.shape[2] * x.shape[3] >= 2**31:
        raise ValueError(
            f"max_pool2d_forward: a plane of {(x.shape[2], x.shape[3])} pixels is too big for int32"
        )
    check_alignment("max_pool2d_forward", "x", x._data, sizeof(floating))
    check_alignment("max_pool2d_forward", "y", y._data, sizeof(floating))
    check_alignment("max_pool2d_forward", "argmax", argmax._data, sizeof(int))
    with nogil:
        _max_forward(x, y, argmax, &axes[0], &axes[1])


def max_pool2d_backward(
    const floating[:, :, :, ::1] dy, const int[:, :, :, ::1] argmax, floating[:, :, :, ::1] dx
):
    """Add every gradient in dy (in) to the pixel of dx (out) that argmax (in) points to."""
    check_shape(
        "max_pool2d_backward", "dy", shape4(dy.shape),
        (dx.shape[0], dx.shape[1], dy.shape[2], dy.shape[3]),
    )
    check_shape("max_pool2d_backward", "argmax", shape4(argmax.shape), shape4(dy.shape))
    check_alignment("max_pool2d_backward", "dy", dy._data, sizeof(floating))
    check_alignment("max_pool2d_backward", "argmax", argmax._data, sizeof(int))
    check_alignment("max_pool2d_backward", "dx", dx._data, sizeof(floating))
    cdef bint inside
    with nogil:
        inside = _max_backward(dy, argmax, dx)
    if not inside:
        raise ValueError(
            f"max_pool2d_backward: argmax points outside the image {(dx.shape[2], dx.shape[3])}"
        )


cdef int _max_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    const Axis* rows, const Axis* columns,
) except -1 nogil:
    cdef Py_ssize_t channels = x.shape[1], planes = x.shape[0] * channels, plane
    cdef Py_ssize_t elements = planes * rows.outputs * columns.outputs * columns.kernel
    cdef Py_ssize_t turn, turns = turns_for(elements)
    cdef int threads = threads_for(elements)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for plane in prange(
            planes * turn // turns, planes * (turn + 1) // turns,
            schedule="static", num_threads=threads,
        ):
            _max_forward_plane(x, y, argmax, plane // channels, plane % channels, rows, columns)
    return 0


cdef void _max_forward_plane(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    Py_ssize_t n, Py_ssize_t c, const Axis* rows, const Axis* columns,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, kh, kw, first, end, shift, h
    if is_half(rows) and is_half(columns):
        for oh in range(rows.outputs):
            _max_2x2_row(
                &x[n, c, 2 * oh, 0], &x[n, c, 2 * oh + 1, 0], &y[n, c, oh, 0],
                &argmax[n, c, oh, 0], columns.outputs, <int> (2 * oh * columns.size),
                <int> columns.size,
            )
        return
    for oh in range(rows.outputs):
        for ow in range(columns.outputs):
            y[n, c, oh, ow] = -INFINITY
            argmax[n, c, oh, ow] = -1
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            if first == end:
                continue
            shift = position(columns, 0, kw)
            for oh in range(first_inside(rows, kh), end_inside(rows, kh)):
                h = position(rows, oh, kh)
                _max_row(
                    &x[n, c, h, 0], &y[n, c, oh, 0], &argmax[n, c, oh, 0], first, end,
                    columns.stride, shift, <int> (h * columns.size),
                )


cdef inline void _max_row(
    const floating* x, floating* y, int* argmax, Py_ssize_t first, Py_ssize_t end,
    Py_ssize_t stride, Py_ssize_t shift, int row,
) noexcept nogil:
    """Let one tap compete with the best so far, for a row of outputs."""
    cdef Py_ssize_t ow, w
    cdef bint wins
    if stride == 1:  # the same loop, but this one becomes vector instructions
        for ow in range(first, end):
            w = ow + shift
            wins = (x[w] > y[ow]) | (x[w] != x[w]) | (argmax[ow] < 0)
            y[ow] = x[w] if wins else y[ow]
            argmax[ow] = row + <int> w if wins else argmax[ow]
    else:
        for ow in range(first, end):
            w = ow * stride + shift
            wins = (x[w] > y[ow]) | (x[w] != x[w]) | (argmax[ow] < 0)
            y[ow] = x[w] if wins else y[ow]
            argmax[ow] = row + <int> w if wins else argmax[ow]


cdef void _max_2x2_row(
    const floating* top, const floating* bottom, floating* y, int* argmax,
    Py_ssize_t outputs, int index, int width,
) noexcept nogil:
    """Do what four calls of _max_row do for the commonest window."""
    cdef Py_ssize_t ow
    cdef floating best, value
    cdef int where
    cdef bint wins
    for ow in range(outputs):
        best = top[2 * ow]
        where = index + 2 * <int> ow
        value = top[2 * ow + 1]
        wins = (value > best) | (value != value)
        best = value if wins else best
        where = index + 2 * <int> ow + 1 if wins else where
        value = bottom[2 * ow]
        wins = (value > best) | (value != value)
        best = value if wins else best
        where = index + 2 * <int> ow + width if wins else where
        value = bottom[2 * ow + 1]
        wins = (value > best) | (value != value)
        y[ow] = value if wins else best
        argmax[ow] = index + 2 * <int> ow + width + 1 if wins else where


cdef int _max_backward(
    const floating[:, :, :, ::1] dy, const int[:, :, :, ::1] argmax, floating[:, :, :, ::1] dx
) except -1 nogil:
    """Return whether every index was inside the image."""
    cdef Py_ssize_t channels = dx.shape[1], planes = dx.shape[0] * channels, plane, outside = 0
    cdef Py_ssize_t elements = planes * dx.shape[2] * dx.shape[3]
    cdef Py_ssize_t turn, turns = turns_for(elements)
    cdef int threads = threads_for(elements)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for plane in prange(
            planes * turn // turns, planes * (turn + 1) // turns,
            schedule="static", num_threads=threads,
        ):
            outside += _max_backward_plane(dy, argmax, dx, plane // channels, plane % channels)
    return outside == 0


cdef Py_ssize_t _max_backward_plane(
    const floating[:, :, :, ::1] dy, const int[:, :, :, ::1] argmax, floating[:, :, :, ::1] dx,
    Py_ssize_t n, Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t pixels = dx.shape[2] * dx.shape[3], outside = 0, h, w, oh, ow
    cdef int index
    cdef floating* plane
    for h in range(dx.shape[2]):
        for w in range(dx.shape[3]):
            dx[n, c, h, w] = 0
    if pixels == 0:
        return 0
    plane = &dx[n, c, 0, 0]
    for oh in range(dy.shape[2]):
        for ow in range(dy.shape[3]):
            index = argmax[n, c, oh, ow]
            if 0 <= index < pixels:
                plane[index] += dy[n, c, oh, ow]
            elif index != -1:  # -1: a window that touched no pixel
                outside += 1
    return outside
