# Entry points of the tiled convolution (engine/convolve.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# stride (SH, SW), padding (top, bottom, left, right) and dilation (DH, DW) are tuples.

from libc.string cimport memset

# Of an image with its padding: the kernels' copies of it, times threads, then fit 63 bits.
cdef object MOST_PIXELS = 2**36


cdef int output_size(str kernel, Py_ssize_t size, Py_ssize_t window, Py_ssize_t before,
                     Py_ssize_t after,
                     Py_ssize_t stride, Py_ssize_t dilation, Py_ssize_t given) except -1:
    """Check that `given` outputs are what the sizes along one axis make."""
    cdef object padded = <object> size + before + after
    cdef object extent = <object> dilation * (window - 1) + 1
    if stride < 1 or dilation < 1 or before < 0 or after < 0 or window < 1:
        raise ValueError(
            f"{kernel}: stride {stride}, dilation {dilation}, padding ({before}, {after}), "
            f"kernel {window}:"
            " expected at least 1, 1, 0 and 1"
        )
    if padded < extent or (padded - extent) // stride + 1 != given:
        raise ValueError(
            f"{kernel}: {given} outputs along an axis do not belong to size {size}, "
            f"kernel {window}, stride {stride}, padding ({before}, {after}), dilation {dilation}"
        )
    return 0


cdef int conv_geometry(conv_shape *s, str kernel, const Py_ssize_t *x, const Py_ssize_t *weight,
                       const Py_ssize_t *y, stride, padding, dilation, Py_ssize_t groups) except -1:
    """Fill in `s` from the shapes, which must belong together."""
    cdef Py_ssize_t bottom, right
    s.n, s.c, s.h, s.w = x[0], x[1], x[2], x[3]
    s.f, s.kh, s.kw = weight[0], weight[2], weight[3]
    s.oh, s.ow = y[2], y[3]
    s.stride_h, s.stride_w = stride
    s.top, bottom, s.left, right = padding
    s.dilation_h, s.dilation_w = dilation
    s.groups = groups
    if groups < 1 or s.c % groups or s.f % groups or weight[1] * groups != s.c:
        raise ValueError(
            f"{kernel}: {s.c} channels, {groups} groups and weight "
            f"({s.f}, {weight[1]}, {s.kh}, {s.kw})"
            " do not belong together"
        )
    if y[0] != s.n or y[1] != s.f:
        raise ValueError(
            f"{kernel}: outputs are ({y[0]}, {y[1]}, ...), expected ({s.n}, {s.f}, ...)"
        )
    output_size(kernel, s.h, s.kh, s.top, bottom, s.stride_h, s.dilation_h, s.oh)
    output_size(kernel, s.w, s.kw, s.left, right, s.stride_w, s.dilation_w, s.ow)
    cdef object rows = <object> s.h + s.top + bottom, columns = <object> s.w + s.left + right
    if rows * columns > MOST_PIXELS:
        raise ValueError(
            f"{kernel}: padding {tuple(padding)} makes images of {rows} x {columns} pixels, "
            f"expected at most {MOST_PIXELS}"
        )
    return 0


cdef int check_pooled(str kernel, const Py_ssize_t *pooled, Py_ssize_t rows,
                      Py_ssize_t columns) except -1:
    """Check that outputs of 2x2 pooling belong to planes of rows x columns."""
    if pooled[2] != rows // 2 or pooled[3] != columns // 2:
        raise ValueError(
            f"{kernel}: pooled to {pooled[2]} x {pooled[3]}, expected half of {rows} x {columns}"
        )
    return 0


cdef int source_of(conv_source *source, Arrays arrays, dy, y, argmax) except -1:
    """Fill in what a gradient is read from: dy, behind a ReLU (y) or a pooling (argmax)."""
    if y is not None and argmax is not None:
        raise ValueError(f"{arrays.kernel}: y and argmax are given, expected one of them")
    source.data = arrays.take("dy", dy, -1, False)
    cdef Py_ssize_t size = arrays.length(dy)
    source.relu_y = arrays.take("y", y, size, False)
    source.argmax = arrays.take_argmax(argmax, size, False) if argmax is not None else NULL
    return 0


cdef int conv_threads(const conv_shape *s) noexcept nogil:
    return threads_for(s.n * s.f * s.oh * s.ow * (s.c // s.groups) * s.kh * s.kw // 256)


def conv2d_tiled_forward(x, weight, bias, y, stride, padding, dilation, Py_ssize_t groups,
                         bint relu):
    """y (N, F, OH, OW) = x (N, C, H, W) * weight (F, C / groups, KH, KW) + bias (F,) or None.

    With relu, max(0, y), with the bits of the same done afterwards."""
    cdef Arrays arrays = Arrays("conv2d_tiled_forward")
    cdef conv_shape s
    cdef Py_ssize_t *xs = arrays.shape("x", x, 4)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 4)
    conv_geometry(&s, "conv2d_tiled_forward", xs, ws, arrays.shape("y", y, 4), stride, padding,
                  dilation, groups)
    forward(&s, arrays, x, weight, bias, y, s.n * s.f * s.oh * s.ow, NULL, relu)


def conv2d_tiled_forward_pool(x, weight, bias, y, argmax, output_size, stride, padding, dilation,
                              Py_ssize_t groups, bint relu):
    """2x2 max-pooling with stride 2 of what conv2d_tiled_forward computes, which is never written.

    output_size is (OH, OW) of the convolution; y is (N, F, OH // 2, OW // 2), argmax as of
    max_pool2x2_forward."""
    cdef Arrays arrays = Arrays("conv2d_tiled_forward_pool")
    cdef conv_shape s
    cdef Py_ssize_t *xs = arrays.shape("x", x, 4)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 4)
    cdef Py_ssize_t *pooled = arrays.shape("y", y, 4)
    cdef Py_ssize_t[4] ys
    ys[0], ys[1], (ys[2], ys[3]) = pooled[0], pooled[1], output_size
    conv_geometry(&s, "conv2d_tiled_forward_pool", xs, ws, ys, stride, padding, dilation, groups)
    check_pooled("conv2d_tiled_forward_pool", pooled, s.oh, s.ow)
    cdef Py_ssize_t size = s.n * s.f * (s.oh // 2) * (s.ow // 2)
    cdef uint8_t *found = arrays.take_argmax(argmax, size, True)
    forward(&s, arrays, x, weight, bias, y, size, found, relu)


cdef int forward(const conv_shape *s, Arrays arrays, x, weight, bias, y, Py_ssize_t size,
                 uint8_t *argmax, bint relu) except -1:
    cdef const void *xp = arrays.take("x", x, -1, False)
    cdef const void *wp = arrays.take("weight", weight, -1, False)
    cdef const void *bp = arrays.take("bias", bias, s.f, False)
    cdef void *yp = arrays.take("y", y, size, True)
    cdef conv_forward_kernel kernel = table.conv_forward[arrays.is_double]
    if size == 0:
        return 0
    cdef Workspace space = Workspace(conv_threads(s))
    kernel(s, xp, wp, bp, yp, argmax, relu, &space.work)
    space.provide()
    with nogil:
        kernel(s, xp, wp, bp, yp, argmax, relu, &space.work)
        end_kernel()
    return 0


def conv2d_tiled_input_gradient(dy, weight, dx, stride, padding, dilation, Py_ssize_t groups):
    """dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, KH, KW)."""
    cdef Arrays arrays = Arrays("conv2d_tiled_input_gradient")
    cdef conv_shape s
    cdef Py_ssize_t *xs = arrays.shape("dx", dx, 4)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 4)
    conv_geometry(&s, "conv2d_tiled_input_gradient", xs, ws, arrays.shape("dy", dy, 4), stride,
                  padding, dilation, groups)
    cdef const void *dyp = arrays.take("dy", dy, -1, False)
    cdef const void *wp = arrays.take("weight", weight, -1, False)
    cdef void *dxp = arrays.take("dx", dx, -1, True)
    cdef conv_gradient_kernel kernel = table.conv_input_gradient[arrays.is_double]
    if s.n == 0 or s.c == 0:
        return
    cdef Workspace space = Workspace(conv_threads(&s))
    kernel(&s, dyp, wp, dxp, &space.work)
    space.provide()
    with nogil:
        kernel(&s, dyp, wp, dxp, &space.work)
        end_kernel()


def conv2d_tiled_weight_gradient(x, dy, dweight, dbias, stride, padding, dilation,
                                 Py_ssize_t groups, output_size=None, y=None, argmax=None):
    """dweight (F, C / groups, KH, KW) and dbias (F,) or None, from x (N, C, H, W) and dy.

    dy (N, F, OH, OW) may be the gradient behind a fused ReLU, with its output y, or behind a fused
    2x2 max-pooling, with its argmax; output_size is (OH, OW) then, which dy has no more."""
    cdef str name = "conv2d_tiled_weight_gradient"
    cdef Arrays arrays = Arrays(name)
    cdef conv_shape s
    cdef conv_source source
    cdef Py_ssize_t *xs = arrays.shape("x", x, 4)
    cdef Py_ssize_t *ws = arrays.shape("dweight", dweight, 4)
    cdef Py_ssize_t *given = arrays.shape("dy", dy, 4)
    cdef Py_ssize_t[4] ys
    ys[0], ys[1], ys[2], ys[3] = given[0], given[1], given[2], given[3]
    if argmax is not None:
        ys[2], ys[3] = output_size
    conv_geometry(&s, name, xs, ws, ys, stride, padding, dilation, groups)
    if argmax is not None:
        check_pooled(name, given, s.oh, s.ow)
    cdef const void *xp = arrays.take("x", x, -1, False)
    source_of(&source, arrays, dy, y, argmax)
    cdef void *dwp = arrays.take("dweight", dweight, -1, True)
    cdef Py_ssize_t weights = arrays.length(dweight)
    cdef void *dbp = arrays.take("dbias", dbias, s.f, True)
    cdef size_t real = 8 if arrays.is_double else 4
    cdef conv_weight_kernel kernel = table.conv_weight_gradient[arrays.is_double]
    if s.n == 0 or s.c == 0 or s.f == 0:
        memset(dwp, 0, weights * real)
        if dbp != NULL:
            memset(dbp, 0, s.f * real)
        return
    cdef Workspace space = Workspace(conv_threads(&s))
    kernel(&s, xp, source, dwp, dbp, &space.work)
    space.provide()
    with nogil:
        kernel(&s, xp, source, dwp, dbp, &space.work)
        end_kernel()
