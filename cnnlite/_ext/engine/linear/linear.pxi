# Bindings of the linear layer's products (product.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.


cdef extern from "engine/linear/args.h" nogil:
    ctypedef struct linear_args:
        Py_ssize_t n, inputs, outputs
        const void *x
        const void *weight
        const void *bias
        const void *dy
        void *y
        void *dx
        void *dweight
        void *dbias
        post_ops post


cdef int linear_sizes(linear_args *k, Call call, const Py_ssize_t *x, const Py_ssize_t *weight,
                      const Py_ssize_t *y) except -1:
    """Fill in the sizes, which must belong together."""
    if x[1] != weight[1] or y[0] != x[0] or y[1] != weight[0]:
        raise ValueError(
            f"{call.kernel}: inputs ({x[0]}, {x[1]}), weight ({weight[0]}, {weight[1]}) and "
            f"outputs ({y[0]}, {y[1]}) do not belong together"
        )
    k.n, k.inputs, k.outputs = x[0], x[1], y[1]
    return 0


cdef int run_linear(Call call, linear_args *k) except -1:
    # With few rows the time goes to reading the weights.
    cdef Py_ssize_t weights = k.inputs * k.outputs
    return call.run(k, sizeof(k[0]), max(k.n * weights // 16, weights))


def linear_forward(x, weight, bias, y, post=NO_POST_OPS):
    """Compute y (N, O) = x (N, I) weight (O, I)^T + bias (O,) or None, then `post`'s ReLU."""
    cdef linear_args k
    cdef Call call = Call("linear_forward")
    cdef Py_ssize_t *xs = call.shape("x", x, 2)
    cdef Py_ssize_t *ws = call.shape("weight", weight, 2)
    linear_sizes(&k, call, xs, ws, call.shape("y", y, 2))
    k.x = call.take("x", x, -1, False)
    k.weight = call.take("weight", weight, -1, False)
    k.bias = call.take("bias", bias, k.outputs, False)
    k.y = call.take("y", y, -1, True)
    call.follow(&k.post, post, None, k.n * k.outputs)
    run_linear(call, &k)


def linear_input_gradient(dy, weight, dx):
    """Compute dx (N, I) = dy (N, O) weight (O, I)."""
    cdef linear_args k
    cdef Call call = Call("linear_input_gradient")
    cdef Py_ssize_t *xs = call.shape("dx", dx, 2)
    cdef Py_ssize_t *ws = call.shape("weight", weight, 2)
    linear_sizes(&k, call, xs, ws, call.shape("dy", dy, 2))
    k.dy = call.take("dy", dy, -1, False)
    k.weight = call.take("weight", weight, -1, False)
    k.dx = call.take("dx", dx, -1, True)
    run_linear(call, &k)


def linear_weight_gradient(x, dy, dweight, dbias):
    """Compute dweight (O, I) = dy (N, O)^T x (N, I); dbias (O,), unless None, is the sum of dy."""
    cdef linear_args k
    cdef Call call = Call("linear_weight_gradient")
    cdef Py_ssize_t *xs = call.shape("x", x, 2)
    cdef Py_ssize_t *ws = call.shape("dweight", dweight, 2)
    linear_sizes(&k, call, xs, ws, call.shape("dy", dy, 2))
    k.x = call.take("x", x, -1, False)
    k.dy = call.take("dy", dy, -1, False)
    k.dweight = call.take("dweight", dweight, -1, True)
    k.dbias = call.take("dbias", dbias, k.outputs, True)
    run_linear(call, &k)
