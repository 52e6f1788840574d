"""Max-pooling, twins of cnnlite/reference/max_pooling.py.

One image's channel (a plane) is one piece of work.  The forward kernel visits the taps of the
window one after the other, each for whole rows of outputs: an inner loop without a jump.
"""

from cython cimport floating
from libc.math cimport INFINITY

from cnnlite._ext.runtime cimport run_items
from cnnlite._ext.windows cimport (
    Axis, Planes, check_alignment, check_shape, end_inside, first_inside, given_plane, is_half,
    pooling_axes, position, result_plane, shape4,
)


cdef extern from *:
    """
    /* Several threads may say so at once. */
    #if defined(__GNUC__)
    #define SAY_SO(flag) __atomic_store_n(flag, 1, __ATOMIC_RELAXED)
    #else
    #define SAY_SO(flag) (*(volatile int *)(flag) = 1)
    #endif
    """
    void SAY_SO(int* flag) nogil

cdef struct Forward:
    Planes planes            # x to y
    int* argmax

cdef struct Backward:
    Planes planes            # dy to dx
    const int* argmax
    Py_ssize_t outputs       # of a plane
    Py_ssize_t pixels
    int outside              # whether an index was outside its plane


def max_pool2d_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, int[:, :, :, ::1] argmax,
    kernel, stride, padding, dilation,
):
    """Write the maximum of every window of x (in) to y (out), and where it was to argmax (out)."""
    cdef Forward call
    cdef Planes* p = &call.planes
    pooling_axes("max_pool2d_forward", x.shape, y.shape, kernel, stride, padding, dilation, p.axes)
    check_shape("max_pool2d_forward", "argmax", shape4(argmax.shape), shape4(y.shape))
    if <object> x.shape[2] * x.shape[3] >= 2**31:
        raise ValueError(
            f"max_pool2d_forward: a plane of {(x.shape[2], x.shape[3])} pixels is too big for int32"
        )
    check_alignment("max_pool2d_forward", "x", x._data, sizeof(floating))
    check_alignment("max_pool2d_forward", "y", y._data, sizeof(floating))
    check_alignment("max_pool2d_forward", "argmax", argmax._data, sizeof(int))
    p.given, p.given_bytes = x._data, x.shape[2] * x.shape[3] * sizeof(floating)
    p.result, p.result_bytes = y._data, y.shape[2] * y.shape[3] * sizeof(floating)
    p.is_double, call.argmax = floating is double, <int*> argmax._data
    cdef Py_ssize_t planes = y.shape[0] * y.shape[1]
    with nogil:
        run_items(planes, planes * y.shape[2] * y.shape[3] * p.axes[1].kernel, _forward, &call)


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
    cdef Backward call
    cdef Planes* p = &call.planes
    call.outputs, call.pixels = dy.shape[2] * dy.shape[3], dx.shape[2] * dx.shape[3]
    p.given, p.given_bytes = dy._data, call.outputs * sizeof(floating)
    p.result, p.result_bytes = dx._data, call.pixels * sizeof(floating)
    p.is_double, call.outside = floating is double, 0
    call.argmax = <const int*> argmax._data
    cdef Py_ssize_t planes = dx.shape[0] * dx.shape[1]
    with nogil:
        run_items(planes, planes * call.pixels, _backward, &call)
    if call.outside:
        raise ValueError(
            f"max_pool2d_backward: argmax points outside the image {(dx.shape[2], dx.shape[3])}"
        )


cdef void _forward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Forward* call = <const Forward*> context
    cdef const Axis* rows = &call.planes.axes[0]
    cdef const Axis* columns = &call.planes.axes[1]
    cdef const void* x = given_plane(&call.planes, plane)
    cdef void* y = result_plane(&call.planes, plane)
    cdef int* argmax = call.argmax + plane * rows.outputs * columns.outputs
    if call.planes.is_double:
        _forward_plane(<const double*> x, <double*> y, argmax, rows, columns)
    else:
        _forward_plane(<const float*> x, <float*> y, argmax, rows, columns)


cdef void _forward_plane(
    const floating* x, floating* y, int* argmax, const Axis* rows, const Axis* columns
) noexcept nogil:
    cdef Py_ssize_t oh, kh, kw, i, first, end, shift, h, line
    if is_half(rows) and is_half(columns):
        for oh in range(rows.outputs):
            line = oh * columns.outputs
            h = 2 * oh * columns.size
            _max_2x2_row(
                x + h, x + h + columns.size, y + line, argmax + line, columns.outputs,
                <int> h, <int> columns.size,
            )
        return
    for i in range(rows.outputs * columns.outputs):
        y[i] = -INFINITY
        argmax[i] = -1
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            if first == end:
                continue
            shift = position(columns, 0, kw)
            for oh in range(first_inside(rows, kh), end_inside(rows, kh)):
                line = oh * columns.outputs
                h = position(rows, oh, kh) * columns.size
                _max_row(
                    x + h, y + line, argmax + line, first, end, columns.stride, shift, <int> h
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


cdef void _backward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef Backward* call = <Backward*> context
    cdef const void* dy = given_plane(&call.planes, plane)
    cdef void* dx = result_plane(&call.planes, plane)
    cdef const int* argmax = call.argmax + plane * call.outputs
    cdef bint inside
    if call.planes.is_double:
        inside = _backward_plane(
            <const double*> dy, argmax, <double*> dx, call.outputs, call.pixels
        )
    else:
        inside = _backward_plane(
            <const float*> dy, argmax, <float*> dx, call.outputs, call.pixels
        )
    if not inside:
        SAY_SO(&call.outside)


cdef bint _backward_plane(
    const floating* dy, const int* argmax, floating* dx, Py_ssize_t outputs, Py_ssize_t pixels
) noexcept nogil:
    """Return whether every index was inside the plane."""
    cdef Py_ssize_t i
    cdef bint inside = True
    for i in range(pixels):
        dx[i] = 0
    for i in range(outputs):
        if 0 <= argmax[i] < pixels:
            dx[argmax[i]] += dy[i]
        elif argmax[i] != -1:  # -1: a window that touched no pixel
            inside = False
    return inside
