# Entry points of the linear layers' products (engine/product.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.


cdef int check_linear(str kernel, const Py_ssize_t *x, const Py_ssize_t *weight,
                      const Py_ssize_t *y) except -1:
    if x[1] != weight[1] or y[0] != x[0] or y[1] != weight[0]:
        raise ValueError(
            f"{kernel}: inputs ({x[0]}, {x[1]}), weight ({weight[0]}, {weight[1]}) and outputs "
            f"({y[0]}, {y[1]}) do not belong together"
        )
    return 0


cdef int multiply(product *k, int is_double) except -1:
    """Compute a product whose operands have been checked."""
    cdef product_kernel kernel = table.multiply[is_double]
    if k.m == 0 or k.n == 0:
        return 0
    cdef Workspace space = Workspace(threads_for(k.m * k.n * k.depth // 16))
    kernel(k, &space.work)
    space.provide()
    with nogil:
        kernel(k, &space.work)
        end_kernel()
    return 0


def linear_forward(x, weight, bias, y, bint relu):
    """y (N, O) = x (N, I) weight (O, I) transposed + bias (O,) or None; with relu, max(0, y)."""
    cdef Arrays arrays = Arrays("linear_forward")
    cdef product k
    cdef Py_ssize_t *xs = arrays.shape("x", x, 2)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 2)
    check_linear("linear_forward", xs, ws, arrays.shape("y", y, 2))
    k.m, k.n, k.depth, k.a_row, k.a_step = xs[0], ws[0], xs[1], xs[1], 1
    k.a = arrays.take("x", x, -1, False)
    k.b = arrays.take("weight", weight, -1, False)
    k.bias = arrays.take("bias", bias, k.n, False)
    k.c = arrays.take("y", y, -1, True)
    k.b_transposed, k.relu = True, relu
    multiply(&k, arrays.is_double)


def linear_input_gradient(dy, weight, dx):
    """dx (N, I) = dy (N, O) weight (O, I)."""
    cdef Arrays arrays = Arrays("linear_input_gradient")
    cdef product k
    cdef Py_ssize_t *xs = arrays.shape("dx", dx, 2)
    cdef Py_ssize_t *ws = arrays.shape("weight", weight, 2)
    check_linear("linear_input_gradient", xs, ws, arrays.shape("dy", dy, 2))
    k.m, k.n, k.depth, k.a_row, k.a_step = xs[0], xs[1], ws[0], ws[0], 1
    k.a = arrays.take("dy", dy, -1, False)
    k.b = arrays.take("weight", weight, -1, False)
    k.bias = NULL
    k.c = arrays.take("dx", dx, -1, True)
    k.b_transposed, k.relu = False, False
    multiply(&k, arrays.is_double)


def linear_weight_gradient(x, dy, dweight, dbias):
    """dweight (O, I) = dy (N, O) transposed x (N, I); dbias (O,) or None = the sum of dy over N."""
    cdef Arrays arrays = Arrays("linear_weight_gradient")
    cdef product k
    cdef Py_ssize_t *xs = arrays.shape("x", x, 2)
    cdef Py_ssize_t *ws = arrays.shape("dweight", dweight, 2)
    check_linear("linear_weight_gradient", xs, ws, arrays.shape("dy", dy, 2))
    k.m, k.n, k.depth, k.a_row, k.a_step = ws[0], xs[1], xs[0], 1, ws[0]
    k.a = arrays.take("dy", dy, -1, False)
    k.b = arrays.take("x", x, -1, False)
    k.bias = NULL
    k.c = arrays.take("dweight", dweight, -1, True)
    k.b_transposed, k.relu = False, False
    multiply(&k, arrays.is_double)
    if dbias is None:
        return
    k.m, k.n = xs[0], ws[0]
    k.c = arrays.take("dbias", dbias, k.n, True)
    cdef piece_body body = table.sum_rows[arrays.is_double]
    cdef Py_ssize_t lanes = table.lanes[arrays.is_double]
    with nogil:
        run_pieces((k.n + lanes - 1) // lanes, threads_for(k.m * k.n), body, &k)
        end_kernel()
