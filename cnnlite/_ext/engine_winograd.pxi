# Entry points of Winograd's 3 x 3 convolution (engine/winograd.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# padding is (top, bottom, left, right); tile is 4 for F(4 x 4, 3 x 3) or 2 for F(2 x 2, 3 x 3).
#
# The gradients take the output y of a fused ReLU, or the argmax of a fused 2x2 max-pooling with or
# without ReLU: then dy is the gradient behind these, has the shape of y or argmax, and they are
# undone while dy is read.


cdef extern from "engine/winograd_args.h" nogil:
    ctypedef struct winograd_args:
        conv_shape shape
        conv_source x, dy
        const void *weight
        const void *bias
        void *y
        void *dweight
        void *dbias
        uint8_t *argmax
        int tile, turned, relu


cdef int winograd_geometry(winograd_args *k, str kernel, const Py_ssize_t *x,
                           const Py_ssize_t *weight, const Py_ssize_t *y, bint pooled, padding,
                           Py_ssize_t groups, int tile) except -1:
    """Fill in k.shape; y is the shape of what follows the convolution, pooled or not."""
    cdef Py_ssize_t[4] outputs
    cdef Py_ssize_t top, bottom, left, right
    top, bottom, left, right = padding
    memset(k, 0, sizeof(winograd_args))
    if tile != 4 and tile != 2:
        raise ValueError(f"{kernel}: tile is {tile}, expected 4 or 2")
    if weight[2] != 3 or weight[3] != 3:
        raise ValueError(f"{kernel}: the kernel is {weight[2]} x {weight[3]}, expected 3 x 3")
    outputs[0], outputs[1], outputs[2], outputs[3] = y[0], y[1], y[2], y[3]
    if pooled:
        outputs[2], outputs[3] = x[2] + top + bottom - 2, x[3] + left + right - 2
        check_pooled(kernel, y, outputs[2], outputs[3])
    conv_geometry(&k.shape, kernel, x, weight, outputs, (1, 1), padding, (1, 1), groups)
    k.tile = tile
    return 0


cdef int run_winograd(winograd_kernel kernel, winograd_args *k) except -1:
    cdef Workspace space = Workspace(conv_threads(&k.shape))
    kernel(k, &space.work)
    space.provide()
    with nogil:
        kernel(k, &space.work)
        end_kernel()
    return 0


cdef int winograd_run_forward(str name, x, weight, bias, y, argmax, padding, Py_ssize_t groups,
                              bint relu, int tile) except -1:
    cdef Arrays arrays = Arrays(name)
    cdef winograd_args k
    cdef Py_ssize_t *xs = arrays.shape("x", x, 4)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 4)
    cdef Py_ssize_t *ys = arrays.shape("y", y, 4)
    winograd_geometry(&k, name, xs, ws, ys, argmax is not None, padding, groups, tile)
    k.x.data = arrays.take("x", x, -1, False)
    k.weight = arrays.take("weight", weight, -1, False)
    k.bias = arrays.take("bias", bias, k.shape.f, False)
    k.y = arrays.take("y", y, -1, True)
    if argmax is not None:
        k.argmax = arrays.take_argmax(argmax, ys[0] * ys[1] * ys[2] * ys[3], True)
    k.relu = relu
    return run_winograd(table.winograd_forward[arrays.is_double], &k)


def conv2d_winograd_forward(x, weight, bias, y, padding, Py_ssize_t groups, bint relu, int tile):
    """y (N, F, OH, OW) = x (N, C, H, W) * weight (F, C / groups, 3, 3) + bias (F,) or None.

    With relu, max(0, y), with the bits of the same done afterwards."""
    winograd_run_forward("conv2d_winograd_forward", x, weight, bias, y, None, padding, groups, relu,
                         tile)


def conv2d_winograd_forward_pool(x, weight, bias, y, argmax, padding, Py_ssize_t groups, bint relu,
                                 int tile):
    """2x2 max-pooling with stride 2 of what conv2d_winograd_forward computes and here never writes.

    y is (N, F, OH // 2, OW // 2), argmax as of max_pool2x2_forward."""
    if argmax is None:
        raise TypeError("conv2d_winograd_forward_pool: argmax is None, expected a uint8 array")
    winograd_run_forward("conv2d_winograd_forward_pool", x, weight, bias, y, argmax, padding,
                         groups, relu, tile)


def conv2d_winograd_input_gradient(dy, weight, dx, padding, Py_ssize_t groups, int tile, y=None,
                                   argmax=None):
    """dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, 3, 3)."""
    cdef str name = "conv2d_winograd_input_gradient"
    cdef Arrays arrays = Arrays(name)
    cdef winograd_args k
    cdef Py_ssize_t *xs = arrays.shape("dx", dx, 4)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 4)
    cdef Py_ssize_t *ys = arrays.shape("dy", dy, 4)
    winograd_geometry(&k, name, xs, ws, ys, argmax is not None, padding, groups, tile)
    source_of(&k.x, arrays, dy, y, argmax)
    k.weight = arrays.take("weight", weight, -1, False)
    k.y = arrays.take("dx", dx, -1, True)
    cdef conv_shape *s = &k.shape  # of the convolution that this is: from dy to dx
    s.c, s.f = s.f, s.c
    s.h, s.oh = s.oh, s.h
    s.w, s.ow = s.ow, s.w
    s.top, s.left = 2 - s.top, 2 - s.left
    k.turned = True
    run_winograd(table.winograd_forward[arrays.is_double], &k)


def conv2d_winograd_weight_gradient(x, dy, dweight, dbias, padding, Py_ssize_t groups, int tile,
                                    y=None, argmax=None):
    """dweight (F, C / groups, 3, 3), and dbias (F,) unless None, from x and dy (N, F, OH, OW)."""
    cdef str name = "conv2d_winograd_weight_gradient"
    cdef Arrays arrays = Arrays(name)
    cdef winograd_args k
    cdef Py_ssize_t *xs = arrays.shape("x", x, 4)
    cdef Py_ssize_t *ws = arrays.shape("dweight", dweight, 4)
    cdef Py_ssize_t *ys = arrays.shape("dy", dy, 4)
    winograd_geometry(&k, name, xs, ws, ys, argmax is not None, padding, groups, tile)
    source_of(&k.dy, arrays, dy, y, argmax)
    k.x.data = arrays.take("x", x, -1, False)
    k.dweight = arrays.take("dweight", dweight, -1, True)
    k.dbias = arrays.take("dbias", dbias, k.shape.f, True)
    run_winograd(table.winograd_gradient[arrays.is_double], &k)
