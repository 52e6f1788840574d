"""The shortcut without parameters, twins of cnnlite/reference/shortcut.py.

One image's channel (a plane) is one piece of work.
"""

from cython cimport floating
from libc.string cimport memset

from cnnlite._ext.runtime cimport run_items
from cnnlite._ext.windows cimport check_alignment, check_shape, shape4

cdef struct Shortcut:
    const void* given      # x or dy, all of it
    void* result           # y or dx
    bint is_double
    Py_ssize_t channels    # of x or dx
    Py_ssize_t more        # channels of y or dy
    Py_ssize_t height      # of x or dx
    Py_ssize_t width
    Py_ssize_t rows        # of y or dy
    Py_ssize_t columns
    Py_ssize_t stride


def zero_pad_shortcut_forward(
    const floating[:, :, :, ::1] x, floating[:, :, :, ::1] y, Py_ssize_t stride
):
    """Write every stride-th pixel of x (in) to the first channels of y (out), zeros to the rest."""
    cdef Shortcut call
    _check("zero_pad_shortcut_forward", x.shape, y.shape, stride, &call)
    check_alignment("zero_pad_shortcut_forward", "x", x._data, sizeof(floating))
    check_alignment("zero_pad_shortcut_forward", "y", y._data, sizeof(floating))
    call.given, call.result, call.is_double = x._data, y._data, floating is double
    cdef Py_ssize_t items = y.shape[0] * y.shape[1]
    with nogil:
        run_items(items, items * call.rows * call.columns, _forward, &call)


def zero_pad_shortcut_backward(
    const floating[:, :, :, ::1] dy, floating[:, :, :, ::1] dx, Py_ssize_t stride
):
    """Write dy's first channels (in) to every stride-th pixel of dx (out), zeros to the rest."""
    cdef Shortcut call
    _check("zero_pad_shortcut_backward", dx.shape, dy.shape, stride, &call)
    check_alignment("zero_pad_shortcut_backward", "dy", dy._data, sizeof(floating))
    check_alignment("zero_pad_shortcut_backward", "dx", dx._data, sizeof(floating))
    call.given, call.result, call.is_double = dy._data, dx._data, floating is double
    cdef Py_ssize_t items = dx.shape[0] * dx.shape[1]
    with nogil:
        run_items(items, items * call.height * call.width, _backward, &call)


cdef int _check(
    str function, const Py_ssize_t* x, const Py_ssize_t* y, Py_ssize_t stride, Shortcut* call
) except -1:
    """Fill in the sizes, or raise ValueError."""
    if stride < 1:
        raise ValueError(f"{function}: stride is {stride}, expected at least 1")
    call.channels, call.height, call.width = x[1], x[2], x[3]
    call.more = max(x[1], y[1])
    call.rows = x[2] // stride + (x[2] % stride != 0)
    call.columns = x[3] // stride + (x[3] % stride != 0)
    call.stride = stride
    check_shape(function, "y", shape4(y), (x[0], call.more, call.rows, call.columns))
    return 0


cdef void _forward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Shortcut* p = <const Shortcut*> context
    if p.is_double:
        _forward_plane(p, plane, <const double*> p.given, <double*> p.result)
    else:
        _forward_plane(p, plane, <const float*> p.given, <float*> p.result)


cdef void _forward_plane(
    const Shortcut* p, Py_ssize_t plane, const floating* x, floating* y
) noexcept nogil:
    cdef Py_ssize_t n = plane // p.more, c = plane % p.more, _row, w
    y += plane * p.rows * p.columns
    if c >= p.channels:
        memset(y, 0, p.rows * p.columns * sizeof(floating))
        return
    x += (n * p.channels + c) * p.height * p.width
    for _row in range(p.rows):
        if p.stride == 2:  # compilers make vectors of a number that they know
            for w in range(p.columns):
                y[w] = x[2 * w]
        else:
            for w in range(p.columns):
                y[w] = x[w * p.stride]
        y += p.columns
        x += p.stride * p.width


cdef void _backward(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Shortcut* p = <const Shortcut*> context
    if p.is_double:
        _backward_plane(p, plane, <const double*> p.given, <double*> p.result)
    else:
        _backward_plane(p, plane, <const float*> p.given, <float*> p.result)


cdef void _backward_plane(
    const Shortcut* p, Py_ssize_t plane, const floating* dy, floating* dx
) noexcept nogil:
    cdef Py_ssize_t n = plane // p.channels, c = plane % p.channels, _row, w
    dx += plane * p.height * p.width
    memset(dx, 0, p.height * p.width * sizeof(floating))
    dy += (n * p.more + c) * p.rows * p.columns
    for _row in range(p.rows):
        if p.stride == 2:
            for w in range(p.width // 2):  # whole pairs, which fill vectors
                dx[2 * w] = dy[w]
                dx[2 * w + 1] = 0
            if p.width % 2:
                dx[p.width - 1] = dy[p.columns - 1]
        else:
            for w in range(p.columns):
                dx[w * p.stride] = dy[w]
        dy += p.columns
        dx += p.stride * p.width
