# Bindings of Winograd's convolution (forward.h, gradient.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# Kernels are 3 x 3, or have 4 to 8 rows and columns.  padding is (top, bottom, left, right); tile
# is 4 for F(4 x 4, 3 x 3) and larger kernels, or 2 for F(2 x 2, 3 x 3).
# With `kept`, dy is the gradient of what followed, which is undone while it is read.
# bfloat16: whether transformed float32 numbers of a 3 x 3 kernel are rounded to it before they are
# multiplied.


cdef int check_winograd(Call call, weight, int tile) except -1:
    cdef Py_ssize_t *ws = call.shape("weight", weight, 4)
    if not (ws[2] == 3 and ws[3] == 3 or 4 <= ws[2] <= 8 and 4 <= ws[3] <= 8):
        raise ValueError(
            f"{call.kernel}: the kernel is {ws[2]} x {ws[3]}, "
            "expected 3 x 3, or 4 to 8 rows and columns"
        )
    if tile != 4 and (tile != 2 or ws[2] != 3):
        expected = "4 or 2" if ws[2] == 3 else "4"
        raise ValueError(f"{call.kernel}: tile is {tile}, expected {expected}")
    return 0


def conv2d_winograd_forward(x, weight, bias, y, padding, Py_ssize_t groups, int tile,
                            post=NO_POST_OPS, argmax=None, bint bfloat16=False):
    """Compute y, then `post`, as conv2d_tiled_forward does with stride 1."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_forward")
    check_winograd(call, weight, tile)
    forward_args(&k, call, x, weight, bias, y, (1, 1), padding, (1, 1), groups, post, argmax)
    k.tile, k.bfloat16 = tile, bfloat16
    run_conv(call, &k)


def conv2d_winograd_input_gradient(dy, weight, dx, padding, Py_ssize_t groups, int tile,
                                   kept=NOTHING_KEPT, bint bfloat16=False):
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, KH, KW)."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_input_gradient")
    check_winograd(call, weight, tile)
    input_gradient_args(&k, call, dy, weight, dx, (1, 1), padding, (1, 1), groups, kept)
    k.tile, k.bfloat16 = tile, bfloat16
    run_conv(call, &k)


def conv2d_winograd_weight_gradient(x, dy, dweight, dbias, padding, Py_ssize_t groups, int tile,
                                    kept=NOTHING_KEPT, bint bfloat16=False):
    """Compute dweight (F, C / groups, KH, KW), and dbias (F,) unless None, from x and dy."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_weight_gradient")
    check_winograd(call, dweight, tile)
    weight_gradient_args(&k, call, x, dy, dweight, dbias, (1, 1), padding, (1, 1), groups, kept)
    k.tile, k.bfloat16 = tile, bfloat16
    run_conv(call, &k)
