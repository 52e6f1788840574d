# Bindings of 2x2 max-pooling (pool2x2.h).  Included by engine.pyx.
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
    call.run(&k, k.planes * k.h * k.w)


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
    call.run(&k, k.planes * k.h * k.w)
