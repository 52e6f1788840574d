# Bindings of 2x2 max-pooling (pool2x2.h) and of windows (windows.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.


cdef extern from "engine/pool/args.h" nogil:
    ctypedef struct pool2x2_args:
        const void *x
        const void *dy
        void *y
        void *dx
        const uint8_t *argmax
        Py_ssize_t planes, h, w
        post_ops post
    ctypedef struct window_axis:
        Py_ssize_t size, outputs, kernel, stride, before, after, dilation
    ctypedef struct windows_args:
        const void *x
        void *y
        Py_ssize_t images, channels, more
        window_axis rows, columns
        int mean, count_padding, every_pixel


def max_pool2x2_forward(x, y, argmax, bint relu):
    """Max-pool x (N, C, H, W), or with relu max(0, x), by 2x2 windows with stride 2.

    argmax (uint8, the shape of y) is which pixel of the window it was: 0, 1 in the upper row, 2, 3
    in the lower one; 4 where ReLU stopped it."""
    cdef pool2x2_args k
    cdef Call call = Call("max_pool2x2_forward")
    cdef Py_ssize_t *shape = call.shape("x", x, 4)
    k.planes, k.h, k.w = shape[0] * shape[1], shape[2], shape[3]
    cdef Py_ssize_t outputs = k.planes * (k.h // 2) * (k.w // 2)
    k.x = call.take("x", x, -1, False)
    k.y = call.take("y", y, outputs, True)
    k.post.argmax, k.post.relu = call.take_argmax(argmax, outputs, True), relu
    call.run(&k, sizeof(k), k.planes * k.h * k.w)


def max_pool2x2_backward(dy, argmax, dx):
    """Compute dx (N, C, H, W) = dy where the maximum was and ReLU did not stop it, else 0."""
    cdef pool2x2_args k
    cdef Call call = Call("max_pool2x2_backward")
    cdef Py_ssize_t *shape = call.shape("dx", dx, 4)
    k.planes, k.h, k.w = shape[0] * shape[1], shape[2], shape[3]
    cdef Py_ssize_t outputs = k.planes * (k.h // 2) * (k.w // 2)
    k.dx = call.take("dx", dx, -1, True)
    k.dy = call.take("dy", dy, outputs, False)
    k.argmax = call.take_argmax(argmax, outputs, False)
    call.run(&k, sizeof(k), k.planes * k.h * k.w)


def windows_forward(x, y, kernel, stride, padding, dilation, bint mean, bint count_padding):
    """Compute the maximum of each window of x (N, C, H, W), or its mean (which needs dilation 1).

    y is (N, D, OH, OW); D is at least C, and the channels after those of x become 0.  kernel,
    stride and dilation are pairs, padding (top, bottom, left, right).  A NaN is the largest; no
    pixel at all gives -infinity, and mean 0.  With count_padding, a mean counts padding's zeros."""
    cdef windows_args k
    cdef Call call = Call("windows_forward")
    cdef Py_ssize_t *xs = call.shape("x", x, 4)
    cdef Py_ssize_t *ys = call.shape("y", y, 4)
    k.images, k.channels, k.more = xs[0], xs[1], ys[1]
    k.rows = window_axis(xs[2], ys[2], kernel[0], stride[0], padding[0], padding[1], dilation[0])
    k.columns = window_axis(xs[3], ys[3], kernel[1], stride[1], padding[2], padding[3], dilation[1])
    if ys[0] != xs[0] or ys[1] < xs[1] or mean and tuple(dilation) != (1, 1):
        raise ValueError(
            f"windows_forward: x {x.shape}, y {y.shape} and dilation {dilation} do not belong "
            "together"
        )
    check_axis(&k.rows)
    check_axis(&k.columns)
    k.mean, k.count_padding = mean, count_padding
    k.every_pixel = tuple(kernel) == (1, 1) and tuple(padding) == (0, 0, 0, 0)
    k.x = call.take("x", x, -1, False)
    k.y = call.take("y", y, -1, True)
    if call.length(y):
        call.run(&k, sizeof(k), call.length(y) * k.rows.kernel * k.columns.kernel)


cdef int check_axis(const window_axis *a) except -1:
    """Raise ValueError unless every window begins in the image or its padding."""
    cdef object last = <object> (a.outputs - 1) * a.stride
    if min(a.kernel, a.stride, a.dilation) < 1 or min(a.before, a.after) < 0 or (
        last >= <object> a.size + a.before + a.after
    ):
        raise ValueError(
            f"windows_forward: {a.outputs} windows of {a.kernel}, stride {a.stride}, padding "
            f"({a.before}, {a.after}), dilation {a.dilation} do not fit {a.size} pixels"
        )
    return 0
