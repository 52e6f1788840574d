"""im2col and its transpose, twins of cnnlite/reference/patches.py.

One image's channel (a plane) is one piece of work.  Which outputs a tap of the kernel can serve
from inside the image is worked out before the inner loops, so that these only copy or add.
"""

from cython cimport floating
from cython.parallel cimport prange

from cnnlite._ext.runtime cimport answer_signals, threads_for, turns_for
from cnnlite._ext.windows cimport (
    Axis, check_alignment, check_shape, check_window, end_inside, first_inside, make_axis, position,
)


def im2col(
    const floating[:, :, :, ::1] x, floating[:, :, ::1] cols, kernel, stride, padding, dilation
):
    """Copy every patch of x (in) into a column of cols (out); padding reads as zero."""
    cdef Axis axes[2]
    _check("im2col", x.shape, cols.shape, kernel, stride, padding, dilation, axes)
    check_alignment("im2col", "x", x._data, sizeof(floating))
    check_alignment("im2col", "cols", cols._data, sizeof(floating))
    with nogil:
        _im2col(x, cols, &axes[0], &axes[1])


def col2im(
    const floating[:, :, ::1] cols, floating[:, :, :, ::1] dx, kernel, stride, padding, dilation
):
    """Add every column of cols (in) to the patch of dx (out) that it was taken from."""
    cdef Axis axes[2]
    _check("col2im", dx.shape, cols.shape, kernel, stride, padding, dilation, axes)
    check_alignment("col2im", "cols", cols._data, sizeof(floating))
    check_alignment("col2im", "dx", dx._data, sizeof(floating))
    with nogil:
        _col2im(cols, dx, &axes[0], &axes[1])


cdef int _check(
    str function, const Py_ssize_t* images, const Py_ssize_t* cols,
    kernel, stride, padding, dilation, Axis* axes,
) except -1:
    """Fill in the rows' and the columns' axis, or raise ValueError."""
    check_window(function, kernel, stride, padding, dilation)
    axes[0] = make_axis(images[2], kernel[0], stride[0], padding[0], padding[1], dilation[0])
    axes[1] = make_axis(images[3], kernel[1], stride[1], padding[2], padding[3], dilation[1])
    if axes[0].outputs < 1 or axes[1].outputs < 1:
        raise ValueError(
            f"{function}: kernel {kernel} with dilation {dilation} is larger than the image "
            f"({images[2]}, {images[3]}) with padding {padding}"
        )
    cdef object rows = <object> images[1] * axes[0].kernel * axes[1].kernel
    cdef object columns = <object> axes[0].outputs * axes[1].outputs
    check_shape(
        function, "cols", (cols[0], cols[1], cols[2]), (images[0], rows, columns)
    )
    return 0


cdef int _im2col(
    const floating[:, :, :, ::1] x, floating[:, :, ::1] cols, const Axis* rows, const Axis* columns
) except -1 nogil:
    cdef Py_ssize_t channels = x.shape[1], planes = x.shape[0] * channels, plane
    cdef Py_ssize_t elements = planes * cols.shape[2] * rows.kernel * columns.kernel
    cdef Py_ssize_t turn, turns = turns_for(elements)
    cdef int threads = threads_for(elements)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for plane in prange(
            planes * turn // turns, planes * (turn + 1) // turns,
            schedule="static", num_threads=threads,
        ):
            _im2col_plane(x, cols, plane // channels, plane % channels, rows, columns)
    return 0


cdef void _im2col_plane(
    const floating[:, :, :, ::1] x, floating[:, :, ::1] cols, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns,
) noexcept nogil:
    cdef Py_ssize_t kh, kw, line, first, end, oh, h
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            line = (c * rows.kernel + kh) * columns.kernel + kw
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            for oh in range(rows.outputs):
                h = position(rows, oh, kh)
                if 0 <= h < rows.size:
                    _copy_row(
                        x, cols, n, c, h, line, oh * columns.outputs, first, end,
                        columns.stride, position(columns, 0, kw), columns.outputs,
                    )
                else:
                    _zero(cols, n, line, oh * columns.outputs, (oh + 1) * columns.outputs)


cdef inline void _copy_row(
    const floating[:, :, :, ::1] x, floating[:, :, ::1] cols, Py_ssize_t n, Py_ssize_t c,
    Py_ssize_t h, Py_ssize_t line, Py_ssize_t start, Py_ssize_t first, Py_ssize_t end,
    Py_ssize_t stride, Py_ssize_t shift, Py_ssize_t outputs,
) noexcept nogil:
    """Copy one row of the image, as one tap sees it: zeros, a run of pixels, zeros."""
    cdef Py_ssize_t ow
    _zero(cols, n, line, start, start + first)
    if stride == 1:  # the compiler makes this one a block copy
        for ow in range(first, end):
            cols[n, line, start + ow] = x[n, c, h, ow + shift]
    else:
        for ow in range(first, end):
            cols[n, line, start + ow] = x[n, c, h, ow * stride + shift]
    _zero(cols, n, line, start + end, start + outputs)


cdef inline void _zero(
    floating[:, :, ::1] cols, Py_ssize_t n, Py_ssize_t line, Py_ssize_t first, Py_ssize_t end
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(first, end):
        cols[n, line, i] = 0


cdef int _col2im(
    const floating[:, :, ::1] cols, floating[:, :, :, ::1] dx, const Axis* rows, const Axis* columns
) except -1 nogil:
    cdef Py_ssize_t channels = dx.shape[1], planes = dx.shape[0] * channels, plane
    cdef Py_ssize_t elements = planes * cols.shape[2] * rows.kernel * columns.kernel
    cdef Py_ssize_t turn, turns = turns_for(elements)
    cdef int threads = threads_for(elements)
    for turn in range(turns):
        if turn > 0:
            answer_signals()
        for plane in prange(
            planes * turn // turns, planes * (turn + 1) // turns,
            schedule="static", num_threads=threads,
        ):
            _col2im_plane(cols, dx, plane // channels, plane % channels, rows, columns)
    return 0


cdef void _col2im_plane(
    const floating[:, :, ::1] cols, floating[:, :, :, ::1] dx, Py_ssize_t n, Py_ssize_t c,
    const Axis* rows, const Axis* columns,
) noexcept nogil:
    cdef Py_ssize_t kh, kw, line, first, end, oh, h, w
    for h in range(rows.size):
        for w in range(columns.size):
            dx[n, c, h, w] = 0
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            line = (c * rows.kernel + kh) * columns.kernel + kw
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            for oh in range(first_inside(rows, kh), end_inside(rows, kh)):
                _add_row(
                    cols, dx, n, c, position(rows, oh, kh), line, oh * columns.outputs, first, end,
                    columns.stride, position(columns, 0, kw),
                )


cdef inline void _add_row(
    const floating[:, :, ::1] cols, floating[:, :, :, ::1] dx, Py_ssize_t n, Py_ssize_t c,
    Py_ssize_t h, Py_ssize_t line, Py_ssize_t start, Py_ssize_t first, Py_ssize_t end,
    Py_ssize_t stride, Py_ssize_t shift,
) noexcept nogil:
    cdef Py_ssize_t ow
    if stride == 1:  # vector instructions, because the compiler knows the stride
        for ow in range(first, end):
            dx[n, c, h, ow + shift] += cols[n, line, start + ow]
    else:
        for ow in range(first, end):
            dx[n, c, h, ow * stride + shift] += cols[n, line, start + ow]
