"""Where a sliding window falls, as in cnnlite/reference/windows.py: one Axis for each of two."""

cdef struct Axis:
    Py_ssize_t size      # pixels of the image
    Py_ssize_t outputs   # windows
    Py_ssize_t kernel
    Py_ssize_t stride
    Py_ssize_t before    # padding
    Py_ssize_t after
    Py_ssize_t dilation


# What a kernel reads and writes, plane by plane: an image's channel is one piece of work.
cdef struct Planes:
    const char* given          # all of it
    char* result
    Py_ssize_t given_bytes     # of a plane
    Py_ssize_t result_bytes
    bint is_double
    Axis axes[2]               # of rows and of columns


cdef inline const void* given_plane(const Planes* p, Py_ssize_t plane) noexcept nogil:
    return p.given + plane * p.given_bytes


cdef inline void* result_plane(const Planes* p, Py_ssize_t plane) noexcept nogil:
    return p.result + plane * p.result_bytes


cdef inline Py_ssize_t first_inside(const Axis* axis, Py_ssize_t tap) noexcept nogil:
    """Return the first output for which this tap of the kernel reads inside the image."""
    cdef Py_ssize_t shift = tap * axis.dilation - axis.before
    if shift >= 0:
        return 0
    return min((-shift + axis.stride - 1) // axis.stride, axis.outputs)


cdef inline Py_ssize_t end_inside(const Axis* axis, Py_ssize_t tap) noexcept nogil:
    """Return one more than the last such output, at least first_inside."""
    cdef Py_ssize_t room = axis.size - tap * axis.dilation + axis.before
    if room <= 0:
        return first_inside(axis, tap)
    return max(first_inside(axis, tap), min((room - 1) // axis.stride + 1, axis.outputs))


cdef inline Py_ssize_t position(const Axis* axis, Py_ssize_t output, Py_ssize_t tap) noexcept nogil:
    """Return the pixel that this tap reads for this output; it may lie outside the image."""
    return output * axis.stride + tap * axis.dilation - axis.before


cdef inline int check_window(str function, kernel, stride, padding, dilation) except -1:
    """Raise ValueError unless the four tuples describe a window whose indices cannot overflow."""
    cdef object most = <Py_ssize_t> 1 << (4 * sizeof(Py_ssize_t) - 1)
    for name, values, length, least in (
        ("kernel", kernel, 2, 1),
        ("stride", stride, 2, 1),
        ("padding", padding, 4, 0),
        ("dilation", dilation, 2, 1),
    ):
        if len(values) != length or min(values) < least or max(values) >= most:
            raise ValueError(
                f"{function}: {name} is {values}, expected {length} integers of at least {least} "
                f"and below {most}"
            )
    return 0


cdef inline Axis make_axis(
    object size, object kernel, object stride, object before, object after, object dilation
) except *:
    """Return an axis in floor mode.  Python's integers do the arithmetic: they cannot overflow."""
    cdef Axis axis
    axis.size = size
    axis.kernel = kernel
    axis.stride = stride
    axis.before = before
    axis.after = after
    axis.dilation = dilation
    axis.outputs = (size + before + after - dilation * (kernel - 1) - 1) // stride + 1
    return axis


cdef inline object ceil_outputs(const Axis* axis):
    """Return the outputs in ceil mode: the last window begins before the padding after."""
    cdef object padded = <object> axis.size + axis.before + axis.after
    cdef object room = padded - <object> axis.dilation * (axis.kernel - 1) - 1
    cdef object outputs = -(-room // axis.stride) + 1
    return outputs - 1 if (outputs - 1) * axis.stride >= axis.size + axis.before else outputs


cdef inline int check_shape(str function, str name, tuple shape, tuple expected) except -1:
    """Raise ValueError unless an array has the shape that the others imply."""
    if shape != expected:
        raise ValueError(f"{function}: {name} has shape {shape}, expected {expected}")
    return 0


cdef inline tuple shape4(const Py_ssize_t* shape):
    return shape[0], shape[1], shape[2], shape[3]


cdef inline int pooling_axes(
    str function, const Py_ssize_t* x, const Py_ssize_t* y,
    kernel, stride, padding, dilation, Axis* axes,
) except -1:
    """Fill in the rows' and the columns' axis, in floor or ceil mode, or raise ValueError."""
    check_window(function, kernel, stride, padding, dilation)
    check_shape(function, "y", shape4(y), (x[0], x[1], y[2], y[3]))
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


cdef inline bint is_half(const Axis* axis) noexcept nogil:
    """Return whether windows of two pixels lie side by side, all inside the image."""
    return (
        axis.kernel == 2 and axis.stride == 2 and axis.dilation == 1 and axis.before == 0
        and 2 * axis.outputs <= axis.size
    )


cdef inline int check_alignment(
    str function, str name, const char* data, size_t itemsize
) except -1:
    """Raise ValueError where the processor may not read an element at once."""
    if <size_t> data % itemsize:
        raise ValueError(f"{function}: {name} is not aligned to its {itemsize}-byte elements")
    return 0
