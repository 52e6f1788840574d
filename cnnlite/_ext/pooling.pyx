"""Max-pooling and average-pooling, twins of cnnlite/reference/pooling.py.

One image's channel (a plane) is one piece of work.  The forward kernels visit the taps of the
window one after the other, each for a whole row of outputs: the inner loop is a comparison or an
addition that the compiler turns into vector instructions.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.math cimport INFINITY

from cnnlite._ext.runtime cimport threads_for
from cnnlite._ext.windows cimport (
    Axis, ceil_outputs, check_shape, check_window, end_inside, first_inside, make_axis, position,
)


def max_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    kernel, stride, padding, dilation,
):
    """Write the maximum of every window of x (in) to y (out), and where it was to argmax (out)."""
    cdef Axis axes[2]
    _check("max_pool2d_forward", x.shape, y.shape, kernel, stride, padding, dilation, axes)
    check_shape("max_pool2d_forward", "argmax", _tuple(argmax.shape), _tuple(y.shape))
    if <object> x.shape[2] * x.shape[3] >= 1 << 31:
        raise ValueError(
            f"max_pool2d_forward: a plane of {(x.shape[2], x.shape[3])} pixels is too big for int32"
        )
    with nogil:
        _max_forward(x, y, argmax, &axes[0], &axes[1])


def max_pool2d_backward(
    const floating[:, :, :, ::1] dy, const int[:, :, :, ::1] argmax, floating[:, :, :, ::1] dx
):
    """Add every gradient in dy (in) to the pixel of dx (out) that argmax (in) points to."""
    check_shape(
        "max_pool2d_backward", "dy", _tuple(dy.shape),
        (dx.shape[0], dx.shape[1], dy.shape[2], dy.shape[3]),
    )
    check_shape("max_pool2d_backward", "argmax", _tuple(argmax.shape), _tuple(dy.shape))
    cdef bint inside
    with nogil:
        inside = _max_backward(dy, argmax, dx)
    if not inside:
        raise ValueError(
            f"max_pool2d_backward: argmax points outside the image {(dx.shape[2], dx.shape[3])}"
        )


def avg_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y,
    kernel, stride, padding, bint count_include_pad,
):
    """Write the mean of every window of x (in) to y (out)."""
    cdef Axis axes[2]
    _check("avg_pool2d_forward", x.shape, y.shape, kernel, stride, padding, (1, 1), axes)
    with nogil:
        _avg_forward(x, y, &axes[0], &axes[1], count_include_pad)


def avg_pool2d_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx,
    kernel, stride, padding, bint count_include_pad,
):
    """Share every gradient in dy (in) equally among its window's pixels in dx (out)."""
    cdef Axis axes[2]
    _check("avg_pool2d_backward", dx.shape, dy.shape, kernel, stride, padding, (1, 1), axes)
    with nogil:
        _avg_backward(dy, dx, &axes[0], &axes[1], count_include_pad)


cdef inline tuple _tuple(const Py_ssize_t* shape):
    return shape[0], shape[1], shape[2], shape[3]


cdef int _check(
    str function, const Py_ssize_t* x, const Py_ssize_t* y,
    kernel, stride, padding, dilation, Axis* axes,
) except -1:
    """Fill in the rows' and the columns' axis, in floor or ceil mode, or raise ValueError."""
    check_window(function, kernel, stride, padding, dilation)
    check_shape(function, "y", _tuple(y), (x[0], x[1], y[2], y[3]))
    cdef int i
    for i in range(2):
        axes[i] = make_axis(
            x[2 + i], kernel[i], stride[i], padding[2 * i], padding[2 * i + 1], dilation[i]
        )
        expected, ceiling = axes[i].outputs, ceil_outputs(&axes[i])
        if y[2 + i] < 1 or y[2 + i] not in (expected, ceiling):
            raise ValueError(
                f"{function}: y has {('height', 'width')[i]} {y[2 + i]}, expected {expected} "
                f"({ceiling} in ceil mode)"
            )
        axes[i].outputs = y[2 + i]
    return 0


cdef void _max_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    const Axis* rows, const Axis* columns,
) noexcept nogil:
    cdef Py_ssize_t channels = x.shape[1], planes = x.shape[0] * channels, plane
    cdef int threads = threads_for(planes * rows.outputs * columns.outputs * columns.kernel)
    for plane in prange(planes, schedule="static", num_threads=threads):
        _max_forward_plane(x, y, argmax, plane // channels, plane % channels, rows, columns)


cdef void _max_forward_plane(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    Py_ssize_t n, Py_ssize_t c, const Axis* rows, const Axis* columns,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, kh, kw, h
    for oh in range(rows.outputs):
        for ow in range(columns.outputs):
            y[n, c, oh, ow] = -INFINITY
            argmax[n, c, oh, ow] = -1
        for kh in range(rows.kernel):
            h = position(rows, oh, kh)
            if 0 <= h < rows.size:
                for kw in range(columns.kernel):
                    # A stride that the compiler knows makes vector instructions possible.
                    if columns.stride == 1:
                        _max_row(x, y, argmax, n, c, oh, h, columns, kw, 1)
                    elif columns.stride == 2:
                        _max_row(x, y, argmax, n, c, oh, h, columns, kw, 2)
                    else:
                        _max_row(x, y, argmax, n, c, oh, h, columns, kw, columns.stride)


cdef inline void _max_row(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    Py_ssize_t n, Py_ssize_t c, Py_ssize_t oh, Py_ssize_t h,
    const Axis* columns, Py_ssize_t kw, Py_ssize_t stride,
) noexcept nogil:
    """Let one tap compete with the best so far, for a row of outputs."""
    cdef Py_ssize_t shift = position(columns, 0, kw), ow
    cdef int index = <int> (h * columns.size + shift), where
    cdef floating value, best
    for ow in range(first_inside(columns, kw), end_inside(columns, kw)):
        value = x[n, c, h, ow * stride + shift]
        best = y[n, c, oh, ow]
        where = argmax[n, c, oh, ow]
        if value > best or value != value or where < 0:
            best = value
            where = index + <int> (ow * stride)
        y[n, c, oh, ow] = best
        argmax[n, c, oh, ow] = where


cdef bint _max_backward(
    const floating[:, :, :, ::1] dy, const int[:, :, :, ::1] argmax, floating[:, :, :, ::1] dx
) noexcept nogil:
    """Return whether every index was inside the image."""
    cdef Py_ssize_t channels = dx.shape[1], planes = dx.shape[0] * channels, plane, outside = 0
    cdef int threads = threads_for(planes * dx.shape[2] * dx.shape[3])
    for plane in prange(planes, schedule="static", num_threads=threads):
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


cdef void _avg_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t channels = x.shape[1], planes = x.shape[0] * channels, plane
    cdef int threads = threads_for(planes * rows.outputs * columns.outputs * columns.kernel)
    for plane in prange(planes, schedule="static", num_threads=threads):
        _avg_forward_plane(
            x, y, plane // channels, plane % channels, rows, columns, count_include_pad
        )


cdef void _avg_forward_plane(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, kh, kw, h
    for oh in range(rows.outputs):
        for ow in range(columns.outputs):
            y[n, c, oh, ow] = 0
        for kh in range(rows.kernel):
            h = position(rows, oh, kh)
            if 0 <= h < rows.size:
                for kw in range(columns.kernel):
                    if columns.stride == 1:
                        _sum_row(x, y, n, c, oh, h, columns, kw, 1)
                    elif columns.stride == 2:
                        _sum_row(x, y, n, c, oh, h, columns, kw, 2)
                    else:
                        _sum_row(x, y, n, c, oh, h, columns, kw, columns.stride)
        for ow in range(columns.outputs):
            y[n, c, oh, ow] /= <floating> (
                _pixels(rows, oh, count_include_pad) * _pixels(columns, ow, count_include_pad)
            )


cdef inline void _sum_row(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, Py_ssize_t n, Py_ssize_t c,
    Py_ssize_t oh, Py_ssize_t h, const Axis* columns, Py_ssize_t kw, Py_ssize_t stride,
) noexcept nogil:
    """Add what one tap reads to a row of outputs."""
    cdef Py_ssize_t shift = position(columns, 0, kw), ow
    for ow in range(first_inside(columns, kw), end_inside(columns, kw)):
        y[n, c, oh, ow] += x[n, c, h, ow * stride + shift]


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


cdef void _avg_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t channels = dx.shape[1], planes = dx.shape[0] * channels, plane
    cdef int threads = threads_for(planes * dx.shape[2] * dx.shape[3])
    for plane in prange(planes, schedule="static", num_threads=threads):
        _avg_backward_plane(
            dy, dx, plane // channels, plane % channels, rows, columns, count_include_pad
        )


cdef void _avg_backward_plane(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns, bint count_include_pad,
) noexcept nogil:
    cdef Py_ssize_t oh, ow, h, w, top, left, bottom, right, high
    cdef floating share
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
            share = dy[n, c, oh, ow] / <floating> (
                high * _pixels(columns, ow, count_include_pad)
            )
            for h in range(top, bottom):
                for w in range(left, right):
                    dx[n, c, h, w] += share
