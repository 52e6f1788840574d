# Bindings of the tiled convolution (convolve.h, weight_gradient.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# stride (SH, SW), padding (top, bottom, left, right) and dilation (DH, DW) are tuples.


cdef extern from "engine/conv/args.h" nogil:
    ctypedef struct conv_shape:
        Py_ssize_t n, c, h, w, f, kh, kw, oh, ow
        Py_ssize_t stride_h, stride_w, top, left, dilation_h, dilation_w, groups
    ctypedef struct conv_source:
        const void *data
        const void *relu_y
        const uint8_t *argmax
    ctypedef struct conv_args:
        conv_shape shape
        conv_source x, dy
        const void *weight
        const void *bias
        void *y
        void *dx
        void *dweight
        void *dbias
        post_ops post
        int tile, bfloat16

# Of an image with its padding: the kernels' copies of it, times threads, then fit 63 bits.
cdef object MOST_PIXELS = 2**36


cdef Py_ssize_t output_size(str kernel, Py_ssize_t size, Py_ssize_t window, Py_ssize_t before,
                            Py_ssize_t after, Py_ssize_t stride, Py_ssize_t dilation) except -1:
    """Return the number of outputs along one axis."""
    cdef object padded = <object> size + before + after
    cdef object extent = <object> dilation * (window - 1) + 1
    if stride < 1 or dilation < 1 or before < 0 or after < 0 or window < 1:
        raise ValueError(
            f"{kernel}: stride {stride}, dilation {dilation}, padding ({before}, {after}), "
            f"kernel {window}: expected at least 1, 1, 0 and 1"
        )
    if padded < extent:
        raise ValueError(
            f"{kernel}: the kernel {window} with dilation {dilation} is larger than the size "
            f"{size} with padding ({before}, {after})"
        )
    return (padded - extent) // stride + 1


cdef int conv_geometry(conv_shape *s, str kernel, const Py_ssize_t *x, const Py_ssize_t *weight,
                       const Py_ssize_t *y, bint pooled, stride, padding, dilation,
                       Py_ssize_t groups) except -1:
    """Fill in `s` from the shapes, which must belong together; y's is after a pooling or not."""
    cdef Py_ssize_t bottom, right
    s.n, s.c, s.h, s.w = x[0], x[1], x[2], x[3]
    s.f, s.kh, s.kw = weight[0], weight[2], weight[3]
    s.stride_h, s.stride_w = stride
    s.top, bottom, s.left, right = padding
    s.dilation_h, s.dilation_w = dilation
    s.groups = groups
    if groups < 1 or s.c % groups or s.f % groups or weight[1] * groups != s.c:
        raise ValueError(
            f"{kernel}: {s.c} channels, {groups} groups and weight "
            f"({s.f}, {weight[1]}, {s.kh}, {s.kw}) do not belong together"
        )
    s.oh = output_size(kernel, s.h, s.kh, s.top, bottom, s.stride_h, s.dilation_h)
    s.ow = output_size(kernel, s.w, s.kw, s.left, right, s.stride_w, s.dilation_w)
    cdef Py_ssize_t rows = s.oh // 2 if pooled else s.oh, columns = s.ow // 2 if pooled else s.ow
    if y[0] != s.n or y[1] != s.f or y[2] != rows or y[3] != columns:
        raise ValueError(
            f"{kernel}: outputs are ({y[0]}, {y[1]}, {y[2]}, {y[3]}), "
            f"expected ({s.n}, {s.f}, {rows}, {columns})"
        )
    cdef object high = <object> s.h + s.top + bottom, wide = <object> s.w + s.left + right
    if high * wide > MOST_PIXELS:
        raise ValueError(
            f"{kernel}: padding {tuple(padding)} makes images of {high} x {wide} pixels, "
            f"expected at most {MOST_PIXELS}"
        )
    return 0


cdef int source_of(conv_source *source, Call call, dy, kept) except -1:
    """Fill in where a gradient is read: dy, before the ReLU or pooling that `kept` names."""
    activation, y, argmax = kept
    if activation is not None and activation != "relu":
        raise ValueError(f"{call.kernel}: the activation is {activation!r}, expected 'relu'")
    if y is not None and argmax is not None:
        raise ValueError(f"{call.kernel}: values and argmax are kept, expected one of them")
    source.data = call.take("dy", dy, -1, False)
    cdef Py_ssize_t size = call.length(dy)
    source.relu_y = call.take("y", y, size, False)
    source.argmax = call.take_argmax(argmax, size, False) if argmax is not None else NULL
    return 0


cdef int forward_args(conv_args *k, Call call, x, weight, bias, y, stride, padding, dilation,
                      Py_ssize_t groups, post, argmax) except -1:
    cdef Py_ssize_t *xs = call.shape("x", x, 4)
    cdef Py_ssize_t *ws = call.shape("weight", weight, 4)
    cdef Py_ssize_t *ys = call.shape("y", y, 4)
    conv_geometry(&k.shape, call.kernel, xs, ws, ys, post.pool, stride, padding, dilation, groups)
    k.x.data, k.x.relu_y, k.x.argmax = call.take("x", x, -1, False), NULL, NULL
    k.weight = call.take("weight", weight, -1, False)
    k.bias = call.take("bias", bias, k.shape.f, False)
    k.y = call.take("y", y, -1, True)
    return call.follow(&k.post, post, argmax, call.length(y))


cdef int input_gradient_args(conv_args *k, Call call, dy, weight, dx, stride, padding, dilation,
                             Py_ssize_t groups, kept) except -1:
    cdef Py_ssize_t *xs = call.shape("dx", dx, 4)
    cdef Py_ssize_t *ws = call.shape("weight", weight, 4)
    cdef Py_ssize_t *ys = call.shape("dy", dy, 4)
    cdef bint pooled = kept.argmax is not None
    conv_geometry(&k.shape, call.kernel, xs, ws, ys, pooled, stride, padding, dilation, groups)
    source_of(&k.dy, call, dy, kept)
    k.weight = call.take("weight", weight, -1, False)
    k.dx = call.take("dx", dx, -1, True)
    return 0


cdef int weight_gradient_args(conv_args *k, Call call, x, dy, dweight, dbias, stride, padding,
                              dilation, Py_ssize_t groups, kept) except -1:
    cdef Py_ssize_t *xs = call.shape("x", x, 4)
    cdef Py_ssize_t *ws = call.shape("dweight", dweight, 4)
    cdef Py_ssize_t *ys = call.shape("dy", dy, 4)
    cdef bint pooled = kept.argmax is not None
    conv_geometry(&k.shape, call.kernel, xs, ws, ys, pooled, stride, padding, dilation, groups)
    source_of(&k.dy, call, dy, kept)
    k.x.data, k.x.relu_y, k.x.argmax = call.take("x", x, -1, False), NULL, NULL
    k.dweight = call.take("dweight", dweight, -1, True)
    k.dbias = call.take("dbias", dbias, k.shape.f, True)
    return 0


cdef int run_conv(Call call, conv_args *k) except -1:
    cdef const conv_shape *s = &k.shape
    cdef Py_ssize_t products = s.n * s.f * s.oh * s.ow * (s.c // s.groups) * s.kh * s.kw
    return call.run(k, sizeof(k[0]), products // 8)


def conv2d_tiled_forward(x, weight, bias, y, stride, padding, dilation, Py_ssize_t groups,
                         post=NO_POST_OPS, argmax=None):
    """Compute y (N, F, OH, OW) = x (N, C, H, W) * weight (F, C / groups, KH, KW) + bias.

    bias is (F,) or None.  The operations of `post` follow: ReLU, and 2x2 max-pooling, for which y
    is (N, F, OH // 2, OW // 2) and argmax is that of max_pool2x2_forward.  The bits are those of
    separate kernels."""
    cdef conv_args k
    cdef Call call = Call("conv2d_tiled_forward")
    forward_args(&k, call, x, weight, bias, y, stride, padding, dilation, groups, post, argmax)
    if call.length(y):
        run_conv(call, &k)


def conv2d_tiled_input_gradient(dy, weight, dx, stride, padding, dilation, Py_ssize_t groups):
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, KH, KW)."""
    cdef conv_args k
    cdef Call call = Call("conv2d_tiled_input_gradient")
    input_gradient_args(
        &k, call, dy, weight, dx, stride, padding, dilation, groups, NOTHING_KEPT
    )
    if k.shape.n and k.shape.c:
        run_conv(call, &k)


def conv2d_tiled_weight_gradient(x, dy, dweight, dbias, stride, padding, dilation,
                                 Py_ssize_t groups, kept=NOTHING_KEPT):
    """Compute dweight (F, C / groups, KH, KW), and dbias (F,) unless None, from x and dy.

    dy (N, F, OH, OW) is the gradient of what followed, and has its shape, if `kept` says so."""
    cdef conv_args k
    cdef Call call = Call("conv2d_tiled_weight_gradient")
    weight_gradient_args(
        &k, call, x, dy, dweight, dbias, stride, padding, dilation, groups, kept
    )
    cdef const conv_shape *s = &k.shape
    cdef size_t real = 8 if call.is_double else 4
    if s.n and s.c and s.f:
        run_conv(call, &k)
        return
    memset(k.dweight, 0, s.f * (s.c // s.groups) * s.kh * s.kw * real)
    if k.dbias != NULL:
        memset(k.dbias, 0, s.f * real)
