"""Average-pooling, twins of cnnlite/reference/avg_pooling.py.

One image's channel (a plane) is one piece of work.  A window is added in double.
"""

from cython cimport floating

from cnnlite._ext.runtime cimport run_items
from cnnlite._ext.windows cimport (
    Axis, Planes, check_alignment, given_plane, is_half, pooling_axes, position, result_plane,
)

cdef struct Averages:
    Planes planes
    bint count_include_pad


def avg_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y,
    kernel, stride, padding, bint count_include_pad,
):
    """Write the mean of every window of x (in) to y (out)."""
    cdef Averages call
    cdef Planes* p = &call.planes
    pooling_axes("avg_pool2d_forward", x.shape, y.shape, kernel, stride, padding, (1, 1), p.axes)
    check_alignment("avg_pool2d_forward", "x", x._data, sizeof(floating))
    check_alignment("avg_pool2d_forward", "y", y._data, sizeof(floating))
    p.given, p.given_bytes = x._data, x.shape[2] * x.shape[3] * sizeof(floating)
    p.result, p.result_bytes = y._data, y.shape[2] * y.shape[3] * sizeof(floating)
    p.is_double, call.count_include_pad = floating is double, count_include_pad
    cdef Py_ssize_t planes = y.shape[0] * y.shape[1]
    with nogil:
        run_items(planes, planes * y.shape[2] * y.shape[3] * p.axes[1].kernel, _forward, &call)


def avg_pool2d_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx,
    kernel, stride, padding, bint count_include_pad,
):
    """Divide every gradient in dy (in) equally among its window's pixels in dx (out)."""
    cdef Averages call
    cdef Planes* p = &call.planes
    pooling_axes("avg_pool2d_backward", dx.shape, dy.shape, kernel, stride, padding, (1, 1), p.axes)
    check_alignment("avg_pool2d_backward", "dy", dy._data, sizeof(floating))
    check_alignment("avg_pool2d_backward", "dx", dx._data, sizeof(floating))
    p.given, p.given_bytes = dy._data, dy.shape[2] * dy.shape[3] * sizeof(floating)
    p.result, p.result_bytes = dx._data, dx.shape[2] * dx.shape[3] * sizeof(floating)
    p.is_double, call.count_include_pad = floating is double, count_include_pad
    cdef Py_ssize_t planes = dx.shape[0] * dx.shape[1]
    with nogil:
        run_items(planes, planes * dx.shape[2] * dx.shape[3], _backward, &call)


cdef void _forward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Averages* call = <const Averages*> context
    cdef const void* x = given_plane(&call.planes, plane)
    cdef void* y = result_plane(&call.planes, plane)
    if call.planes.is_double:
        _forward_plane(<const double*> x, <double*> y, call)
    else:
        _forward_plane(<const float*> x, <float*> y, call)


cdef void _forward_plane(const floating* x, floating* y, const Averages* call) noexcept nogil:
    cdef const Axis* rows = &call.planes.axes[0]
    cdef const Axis* columns = &call.planes.axes[1]
    cdef Py_ssize_t oh, ow, h, w, top, left, bottom, right, high
    cdef Py_ssize_t width = columns.size
    cdef const floating* pair
    cdef double total
    if is_half(rows) and is_half(columns):
        for oh in range(rows.outputs):
            for ow in range(columns.outputs):  # the same sums, in the same order
                pair = x + 2 * oh * width + 2 * ow
                total = <double> pair[0] + pair[1] + pair[width] + pair[width + 1]
                y[oh * columns.outputs + ow] = <floating> (total / 4)
        return
    for oh in range(rows.outputs):
        top = max(position(rows, oh, 0), 0)
        bottom = min(position(rows, oh, rows.kernel), rows.size)
        high = _pixels(rows, oh, call.count_include_pad)
        for ow in range(columns.outputs):
            left = max(position(columns, ow, 0), 0)
            right = min(position(columns, ow, columns.kernel), width)
            total = 0
            for h in range(top, bottom):
                for w in range(left, right):
                    total = total + x[h * width + w]
            y[oh * columns.outputs + ow] = <floating> (
                total / <double> (high * _pixels(columns, ow, call.count_include_pad))
            )


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


cdef void _backward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Averages* call = <const Averages*> context
    cdef const void* dy = given_plane(&call.planes, plane)
    cdef void* dx = result_plane(&call.planes, plane)
    if call.planes.is_double:
        _backward_plane(<const double*> dy, <double*> dx, call)
    else:
        _backward_plane(<const float*> dy, <float*> dx, call)


cdef void _backward_plane(const floating* dy, floating* dx, const Averages* call) noexcept nogil:
    cdef const Axis* rows = &call.planes.axes[0]
    cdef const Axis* columns = &call.planes.axes[1]
    cdef Py_ssize_t oh, ow, h, w, top, left, bottom, right, high
    cdef Py_ssize_t width = columns.size
    cdef floating* pair
    cdef floating share
    if is_half(rows) and is_half(columns) and rows.size % 2 == 0 and columns.size % 2 == 0:
        for oh in range(rows.outputs):
            for ow in range(columns.outputs):
                pair = dx + 2 * oh * width + 2 * ow
                share = dy[oh * columns.outputs + ow] / 4
                pair[0] = share
                pair[1] = share
                pair[width] = share
                pair[width + 1] = share
        return
    for h in range(rows.size * width):
        dx[h] = 0
    for oh in range(rows.outputs):
        top = max(position(rows, oh, 0), 0)
        bottom = min(position(rows, oh, rows.kernel), rows.size)
        high = _pixels(rows, oh, call.count_include_pad)
        for ow in range(columns.outputs):
            left = max(position(columns, ow, 0), 0)
            right = min(position(columns, ow, columns.kernel), width)
            share = dy[oh * columns.outputs + ow] / <floating> (
                high * _pixels(columns, ow, call.count_include_pad)
            )
            for h in range(top, bottom):
                for w in range(left, right):
                    dx[h * width + w] += share
