# Bindings of depthwise convolution (forward.h, weight_gradient.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.
# There are as many groups as channels: weight is (F, 1, KH, KW), F a multiple of the channels.


cdef int run_depthwise(Call call, conv_args *k) except -1:
    return call.run(k, sizeof(k[0]), k.shape.n * k.shape.f * k.shape.oh * k.shape.ow)


def conv2d_depthwise_forward(x, weight, bias, y, stride, padding, dilation, post=NO_POST_OPS):
    """Compute y (N, F, OH, OW) = x (N, C, H, W) * weight (F, 1, KH, KW) + bias, then ReLU if `post`
    says so.  Filter f sees channel f // (F // C); bias is (F,) or None."""
    cdef conv_args k
    cdef Call call = Call("conv2d_depthwise_forward")
    cdef Py_ssize_t *xs = call.shape("x", x, 4)
    if post.addend is not None:
        raise ValueError(f"{call.kernel}: an addend is given, expected none")
    forward_args(&k, call, x, weight, bias, y, stride, padding, dilation, xs[1], post, None)
    if call.length(y):
        run_depthwise(call, &k)


def conv2d_depthwise_input_gradient(dy, weight, dx, stride, padding, dilation):
    """Compute dx (N, C, H, W) from dy (N, F, OH, OW) and weight (F, 1, KH, KW)."""
    cdef conv_args k
    cdef Call call = Call("conv2d_depthwise_input_gradient")
    cdef Py_ssize_t *xs = call.shape("dx", dx, 4)
    input_gradient_args(
        &k, call, dy, weight, dx, stride, padding, dilation, xs[1], NOTHING_KEPT
    )
    if k.shape.n:
        run_depthwise(call, &k)


def conv2d_depthwise_weight_gradient(x, dy, dweight, dbias, stride, padding, dilation):
    """Compute dweight (F, 1, KH, KW), and dbias (F,) unless None, from x and dy (N, F, OH, OW)."""
    cdef conv_args k
    cdef Call call = Call("conv2d_depthwise_weight_gradient")
    cdef Py_ssize_t *xs = call.shape("x", x, 4)
    weight_gradient_args(
        &k, call, x, dy, dweight, dbias, stride, padding, dilation, xs[1], NOTHING_KEPT
    )
    run_depthwise(call, &k)
