"""Average-pooling, twins of cnnlite/reference/avg_pooling.py.

One image's channel (a plane) is one piece of work.
"""

from cython cimport floating
from cython.parallel cimport prange

from cnnlite._ext.runtime cimport answer_signals, threads_for, turns_for
from cnnlite._ext.windows cimport Axis, check_alignment, is_half, pooling_axes, position


def avg_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y,
    kernel, stride, padding, bint count_include_pad,
):
    """Write the mean of every window of x (in) to y (out)."""
    cdef Axis axes[2]
    pooling_axes("avg_pool2d_forward", x.shape, y.shape, kernel, stride, padding, (1, 1), axes)
    check_alignment("avg_pool2d_forward", "x", x._data, sizeof(floating))
    check_alignment("avg_pool2d_forward", "y", y._data, sizeof(floating))
    with nogil:
        _avg_forward(x, y, &axes[0], &axes[1], count_include_pad)


def avg_pool2d_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx,
    kernel, stride, padding, bint count_include_pad,
):
    """Share every gradient in dy (in) equally among its window's pixels in dx (out)."""
    cdef Axis axes[2]
    pooling_axes("avg_pool2d_backward", dx.shape, dy.shape, kernel, stride, padding, (1, 1), axes)
    check_alignment("avg_pool2d_backward", "dy", dy._data, sizeof(floating))
    check_alignment("avg_pool2d_backward", "dx", dx._data, sizeof(floating))
    with nogil:
        _avg_backward(dy, dx, &axes[0], &axes[1], count_include_pad)


cdef int _avg_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y,
    const Axis* rows, const Axis* columns, bint count_include_pad,
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
            _avg_forward_plane(
                x, y, plane // channels, plane % channels, rows, columns, count_include_pad
            )
    return 0


cdef void _avg_forward_plane(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, h, w, top, left, bottom, right, high
    cdef floating total
    if is_half(rows) and is_half(columns):
        for oh in range(rows.outputs):
            for ow in range(columns.outputs):  # the same sums, in the same order
                y[n, c, oh, ow] = (
                    x[n, c, 2 * oh, 2 * ow] + x[n, c, 2 * oh, 2 * ow + 1]
                    + x[n, c, 2 * oh + 1, 2 * ow] + x[n, c, 2 * oh + 1, 2 * ow + 1]
                ) / 4
        return
    for oh in range(rows.outputs):
        top = max(position(rows, oh, 0), 0)
        bottom = min(position(rows, oh, rows.kernel), rows.size)
        high = _pixels(rows, oh, count_include_pad)
        for ow in range(columns.outputs):
            left = max(position(columns, ow, 0), 0)
            right = min(position(columns, ow, columns.kernel), columns.size)
            total = 0
            for h in range(top, bottom):
                for w in range(left, right):
                    total = total + x[n, c, h, w]
            y[n, c, oh, ow] = total / <floating> (high * _pixels(columns, ow, count_include_pad))


cdef inline Py_ssize_t _pixels(
    const Axis* axis, Py_ssize_t output, bint count_include_pad
) noexcept nogil:
    """Return how many pixels of an axis a window counts; at least 1, to divide by."""
    cdef Py_ssize_t start = position(axis, output, 0)
    cdef Py_ssize_t end = min(start + axis.kernel, axis.size + axis.after)
    if not count_include_pad:
        start = max(start, 0)
        end = min(end, axis.size)
    return max(end - start, 1)


cdef int _avg_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) except -1 nogil:
    cdef Py_ssize_t channels = dx.shape[1], planes = dx.shape[0] * channels, plane
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
            _avg_backward_plane(
                dy, dx, plane // channels, plane % channels, rows, columns, count_include_pad
            )
    return 0


cdef void _avg_backward_plane(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, h, w, top, left, bottom, right, high
    cdef floating share
    if is_half(rows) and is_half(columns) and rows.size % 2 == 0 and columns.size % 2 == 0:
        for oh in range(rows.outputs):
            for ow in range(columns.outputs):
                share = dy[n, c, oh, ow] / 4
                dx[n, c, 2 * oh, 2 * ow] = share
                dx[n, c, 2 * oh, 2 * ow + 1] = share
                dx[n, c, 2 * oh + 1, 2 * ow] = share
                dx[n, c, 2 * oh + 1, 2 * ow + 1] = share
        return
    for h in range(rows.size):
        for w in range(columns.size):
            dx[n, c, h, w] = 0
    for oh in range(rows.outputs):
        top = max(position(rows, oh, 0), 0)
        bottom = min(position(rows, oh, rows.kernel), rows.size)
        high = _pixels(rows, oh, count_include_pad)
        for ow in range(columns.outputs):
            left = max(position(columns, ow, 0), 0)
            right = min(position(columns, ow, columns.kernel), columns.size)
            share = dy[n, c, oh, ow] / <floating> (high * _pixels(columns, ow, count_include_pad))
            for h in range(top, bottom):
                for w in range(left, right):
                    dx[n, c, h, w] += share
