# Bindings of Winograd's 3 x 3 convolution (forward.h, gradient.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# padding is (top, bottom, left, right); tile is 4 for F(4 x 4, 3 x 3) or 2 for F(2 x 2, 3 x 3).
# With `kept`, dy is the gradient of what followed, which is undone while it is read.


cdef int check_winograd(Call call, weight, int tile) except -1:
    cdef Py_ssize_t *ws = call.shape("weight", weight, 4)
    if tile != 4 and tile != 2:
        raise ValueError(f"{call.kernel}: tile is {tile}, expected 4 or 2")
    if ws[2] != 3 or ws[3] != 3:
        raise ValueError(f"{call.kernel}: the kernel is {ws[2]} x {ws[3]}, expected 3 x 3")
    return 0


def conv2d_winograd_forward(x, weight, bias, y, padding, Py_ssize_t groups, int tile,
                            post=NO_POST_OPS, argmax=None):
    """Compute y, then `post`, as conv2d_tiled_forward does with a 3 x 3 kernel and stride 1."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_forward")
    check_winograd(call, weight, tile)
    forward_args(&k, call, x, weight, bias, y, (1, 1), padding, (1, 1), groups, post, argmax)
    k.tile = tile
    run_conv(call, &k)


def conv2d_winograd_input_gradient(dy, weight, dx, padding, Py_ssize_t groups, int tile,
                                   kept=NOTHING_KEPT):
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, C / groups, 3, 3)."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_input_gradient")
    check_winograd(call, weight, tile)
    input_gradient_args(&k, call, dy, weight, dx, (1, 1), padding, (1, 1), groups, kept)
    k.tile = tile
    run_conv(call, &k)


def conv2d_winograd_weight_gradient(x, dy, dweight, dbias, padding, Py_ssize_t groups, int tile,
                                    kept=NOTHING_KEPT):
    """Compute dweight (F, C / groups, 3, 3), and dbias (F,) unless None, from x and dy."""
    cdef conv_args k
    cdef Call call = Call("conv2d_winograd_weight_gradient")
    check_winograd(call, dweight, tile)
    weight_gradient_args(&k, call, x, dy, dweight, dbias, (1, 1), padding, (1, 1), groups, kept)
    k.tile = tile
    run_conv(call, &k)
