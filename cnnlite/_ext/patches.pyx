"""im2col and its transpose, twins of cnnlite/reference/patches.py.

One image's channel (a plane) is one piece of work.  Which outputs a tap of the kernel can serve
from inside the image is worked out before the inner loops, so that these only copy or add.
"""

from cython cimport floating

from cnnlite._ext.runtime cimport run_items
from cnnlite._ext.windows cimport (
    Axis, Planes, check_alignment, check_shape, check_window, end_inside, first_inside, given_plane,
    make_axis, position, result_plane,
)


def im2col(
    const floating[:, :, :, ::1] x, floating[:, :, ::1] cols, kernel, stride, padding, dilation
):
    """Copy every patch of x (in) into a column of cols (out); padding reads as zero."""
    cdef Planes planes
    _check("im2col", x.shape, cols.shape, kernel, stride, padding, dilation, planes.axes)
    check_alignment("im2col", "x", x._data, sizeof(floating))
    check_alignment("im2col", "cols", cols._data, sizeof(floating))
    planes.given, planes.given_bytes = x._data, x.shape[2] * x.shape[3] * sizeof(floating)
    planes.result, planes.result_bytes = cols._data, _entries(planes.axes) * sizeof(floating)
    planes.is_double = floating is double
    cdef Py_ssize_t elements = cols.shape[0] * cols.shape[1] * cols.shape[2]
    with nogil:
        run_items(x.shape[0] * x.shape[1], elements, _im2col, &planes)


def col2im(
    const floating[:, :, ::1] cols, floating[:, :, :, ::1] dx, kernel, stride, padding, dilation
):
    """Add every column of cols (in) to the patch of dx (out) that it was taken from."""
    cdef Planes planes
    _check("col2im", dx.shape, cols.shape, kernel, stride, padding, dilation, planes.axes)
    check_alignment("col2im", "cols", cols._data, sizeof(floating))
    check_alignment("col2im", "dx", dx._data, sizeof(floating))
    planes.given, planes.given_bytes = cols._data, _entries(planes.axes) * sizeof(floating)
    planes.result, planes.result_bytes = dx._data, dx.shape[2] * dx.shape[3] * sizeof(floating)
    planes.is_double = floating is double
    cdef Py_ssize_t elements = cols.shape[0] * cols.shape[1] * cols.shape[2]
    with nogil:
        run_items(dx.shape[0] * dx.shape[1], elements, _col2im, &planes)


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


cdef Py_ssize_t _entries(const Axis* axes) noexcept nogil:
    """Return how many entries of cols one channel of one image has."""
    return axes[0].kernel * axes[1].kernel * axes[0].outputs * axes[1].outputs


cdef void _im2col(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Planes* p = <const Planes*> context
    cdef const void* x = given_plane(p, plane)
    cdef void* cols = result_plane(p, plane)
    if p.is_double:
        _im2col_plane(<const double*> x, <double*> cols, p.axes)
    else:
        _im2col_plane(<const float*> x, <float*> cols, p.axes)


cdef void _im2col_plane(const floating* x, floating* cols, const Axis* axes) noexcept nogil:
    cdef const Axis* rows = &axes[0]
    cdef const Axis* columns = &axes[1]
    cdef Py_ssize_t kh, kw, first, end, oh, h, shift
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            shift = position(columns, 0, kw)
            for oh in range(rows.outputs):
                h = position(rows, oh, kh)
                if 0 <= h < rows.size:
                    _copy_row(
                        x + h * columns.size, cols, first, end, columns.stride, shift,
                        columns.outputs,
                    )
                else:
                    _zero(cols, 0, columns.outputs)
                cols += columns.outputs


cdef inline void _copy_row(
    const floating* x, floating* cols, Py_ssize_t first, Py_ssize_t end,
    Py_ssize_t stride, Py_ssize_t shift, Py_ssize_t outputs,
) noexcept nogil:
    """Copy one row of the image, as one tap sees it: zeros, a run of pixels, zeros."""
    cdef Py_ssize_t ow
    _zero(cols, 0, first)
    if stride == 1:  # the compiler makes this one a block copy
        for ow in range(first, end):
            cols[ow] = x[ow + shift]
    else:
        for ow in range(first, end):
            cols[ow] = x[ow * stride + shift]
    _zero(cols, end, outputs)


cdef inline void _zero(floating* row, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(first, end):
        row[i] = 0


cdef void _col2im(void* context, Py_ssize_t plane) noexcept nogil:
    cdef const Planes* p = <const Planes*> context
    cdef const void* cols = given_plane(p, plane)
    cdef void* dx = result_plane(p, plane)
    if p.is_double:
        _col2im_plane(<const double*> cols, <double*> dx, p.axes)
    else:
        _col2im_plane(<const float*> cols, <float*> dx, p.axes)


cdef void _col2im_plane(const floating* cols, floating* dx, const Axis* axes) noexcept nogil:
    cdef const Axis* rows = &axes[0]
    cdef const Axis* columns = &axes[1]
    cdef Py_ssize_t kh, kw, first, end, oh, shift
    _zero(dx, 0, rows.size * columns.size)
    for kh in range(rows.kernel):
        for kw in range(columns.kernel):
            first = first_inside(columns, kw)
            end = end_inside(columns, kw)
            shift = position(columns, 0, kw)
            for oh in range(first_inside(rows, kh), end_inside(rows, kh)):
                _add_row(
                    cols + oh * columns.outputs, dx + position(rows, oh, kh) * columns.size,
                    first, end, columns.stride, shift,
                )
            cols += rows.outputs * columns.outputs


cdef inline void _add_row(
    const floating* cols, floating* dx, Py_ssize_t first, Py_ssize_t end,
    Py_ssize_t stride, Py_ssize_t shift,
) noexcept nogil:
    cdef Py_ssize_t ow
    if stride == 1:  # vector instructions, because the compiler knows the stride
        for ow in range(first, end):
            dx[ow + shift] += cols[ow]
    else:
        for ow in range(first, end):
            dx[ow * stride + shift] += cols[ow]
