# Entry points of the kernels whose limit is memory (engine/pointwise.h and its neighbours).
# Included by engine.pyx.  Arrays are C-contiguous and of one dtype, float32 or float64; outputs are
# given and filled in.


cdef extern from "engine/pointwise_args.h" nogil:
    const Py_ssize_t MAP_PIECE
    ctypedef struct map_args:
        const void *a
        const void *b
        void *out
        Py_ssize_t size
        int relu
    ctypedef struct pool2x2_args:
        const void *x
        const void *dy
        void *y
        void *dx
        const uint8_t *argmax_in
        uint8_t *argmax
        Py_ssize_t planes
        Py_ssize_t piece_planes
        Py_ssize_t h
        Py_ssize_t w
        int relu
    ctypedef struct sgd_args:
        void *param
        void *velocity
        const void *grad
        Py_ssize_t size
        double lr
        double momentum
        double weight_decay
        int nesterov


cdef int run(const piece_body *bodies, Arrays arrays, Py_ssize_t pieces, Py_ssize_t elements,
             void *context) except -1:
    """Run a kernel over its pieces, with as many threads as that many elements are worth."""
    cdef piece_body body = bodies[arrays.is_double]
    with nogil:
        run_pieces(pieces, threads_for(elements), body, context)
        end_kernel()
    return 0


cdef int run_map(const piece_body *bodies, Arrays arrays, Py_ssize_t size,
                 void *context) except -1:
    return run(bodies, arrays, (size + MAP_PIECE - 1) // MAP_PIECE, size, context)


def relu_forward(x, y):
    """y = max(0, x), of any shape; NaN stays NaN."""
    cdef Arrays arrays = Arrays("relu_forward")
    cdef map_args k
    k.a = arrays.take("x", x, -1, False)
    k.size = arrays.length(x)
    k.out = arrays.take("y", y, k.size, True)
    run_map(table.relu_forward, arrays, k.size, &k)


def relu_backward(dy, y, dx):
    """dx = dy where y, the output of ReLU, is not 0, else 0; dx may be dy."""
    cdef Arrays arrays = Arrays("relu_backward")
    cdef map_args k
    k.a = arrays.take("dy", dy, -1, False)
    k.size = arrays.length(dy)
    k.b = arrays.take("y", y, k.size, False)
    k.out = arrays.take("dx", dx, k.size, True)
    run_map(table.relu_backward, arrays, k.size, &k)


def gelu_forward(x, y):
    """y = x Phi(x), of any shape."""
    cdef Arrays arrays = Arrays("gelu_forward")
    cdef map_args k
    k.a = arrays.take("x", x, -1, False)
    k.size = arrays.length(x)
    k.out = arrays.take("y", y, k.size, True)
    run_map(table.gelu_forward, arrays, k.size, &k)


def gelu_backward(dy, x, dx):
    """dx = dy (Phi(x) + x phi(x)); dx may be dy."""
    cdef Arrays arrays = Arrays("gelu_backward")
    cdef map_args k
    k.a = arrays.take("dy", dy, -1, False)
    k.size = arrays.length(dy)
    k.b = arrays.take("x", x, k.size, False)
    k.out = arrays.take("dx", dx, k.size, True)
    run_map(table.gelu_backward, arrays, k.size, &k)


def add(a, b, y, bint relu):
    """y = a + b, or max(0, a + b); y may be a or b."""
    cdef Arrays arrays = Arrays("add")
    cdef map_args k
    k.a = arrays.take("a", a, -1, False)
    k.size = arrays.length(a)
    k.b = arrays.take("b", b, k.size, False)
    k.out = arrays.take("y", y, k.size, True)
    k.relu = relu
    run_map(table.add, arrays, k.size, &k)


def sgd_step(param, grad, velocity, double lr, double momentum, double weight_decay,
             bint nesterov):
    """One SGD update of param (and velocity, unless None) in place, as torch.optim.SGD does it."""
    cdef Arrays arrays = Arrays("sgd_step")
    cdef sgd_args k
    k.param = arrays.take("param", param, -1, True)
    k.size = arrays.length(param)
    k.grad = arrays.take("grad", grad, k.size, False)
    k.velocity = arrays.take("velocity", velocity, k.size, True)
    k.lr, k.momentum, k.weight_decay = lr, momentum, weight_decay
    k.nesterov = nesterov
    run_map(table.sgd_step, arrays, k.size, &k)


cdef int run_planes(const piece_body *bodies, Arrays arrays, pool2x2_args *k,
                    Py_ssize_t planes) except -1:
    """Run a pooling kernel over pieces of about MAP_PIECE elements."""
    cdef Py_ssize_t size = k.h * k.w
    k.planes = planes
    k.piece_planes = MAP_PIECE // size if 0 < size < MAP_PIECE else 1
    return run(bodies, arrays, (planes + k.piece_planes - 1) // k.piece_planes, planes * size, k)


def max_pool2x2_forward(x, y, argmax, bint relu):
    """2x2 max-pooling with stride 2 of x (N, C, H, W) or, with relu, of max(0, x).

    argmax (uint8, the shape of y) is which pixel of the window it was: 0, 1 in the upper row, 2, 3
    in the lower one; 4 where ReLU stopped it."""
    cdef Arrays arrays = Arrays("max_pool2x2_forward")
    cdef pool2x2_args k
    cdef Py_ssize_t *shape = arrays.shape("x", x, 4)
    cdef Py_ssize_t planes = shape[0] * shape[1]
    k.h, k.w, k.relu = shape[2], shape[3], relu
    cdef Py_ssize_t outputs = planes * (k.h // 2) * (k.w // 2)
    k.x = arrays.take("x", x, planes * k.h * k.w, False)
    k.y = arrays.take("y", y, outputs, True)
    k.argmax = arrays.take_argmax(argmax, outputs, True)
    run_planes(table.max_pool2x2_forward, arrays, &k, planes)


def max_pool2x2_backward(dy, argmax, dx):
    """dx (N, C, H, W) = dy where the maximum was and ReLU did not stop it, else 0."""
    cdef Arrays arrays = Arrays("max_pool2x2_backward")
    cdef pool2x2_args k
    cdef Py_ssize_t *shape = arrays.shape("dx", dx, 4)
    cdef Py_ssize_t planes = shape[0] * shape[1]
    k.h, k.w = shape[2], shape[3]
    cdef Py_ssize_t outputs = planes * (k.h // 2) * (k.w // 2)
    k.dx = arrays.take("dx", dx, planes * k.h * k.w, True)
    k.dy = arrays.take("dy", dy, outputs, False)
    k.argmax_in = arrays.take_argmax(argmax, outputs, False)
    run_planes(table.max_pool2x2_backward, arrays, &k, planes)


cdef int run_norm(norm_kernel kernel, norm_args *k) except -1:
    """Run batch norm, whose arrays have been checked."""
    cdef Workspace space = Workspace(threads_for(k.images * k.channels * k.size))
    kernel(k, &space.work)
    space.provide()
    with nogil:
        kernel(k, &space.work)
        end_kernel()
    return 0


def batch_norm_forward(x, y, gamma, beta, mean, inverse_std, variance, double eps, bint train,
                       bint relu, addend=None, rest=None):
    """y = (x - mean - rest) inverse_std gamma + beta, then max(0, .) with relu; x is (N, C, size).

    An addend, of x's size, is added to y before relu.

    train: mean, inverse_std and variance (biased), each (C,), are computed from x and written, and
    rest, unless None, what rounding took off the mean; otherwise mean, inverse_std and rest (None:
    0) are read.  y may be x or the addend."""
    cdef Arrays arrays = Arrays("batch_norm_forward")
    cdef norm_args k
    cdef Py_ssize_t *shape = arrays.shape("x", x, 3)
    k.images, k.channels, k.size = shape[0], shape[1], shape[2]
    cdef Py_ssize_t total = k.images * k.channels * k.size
    k.x = arrays.take("x", x, total, False)
    k.y = arrays.take("y", y, total, True)
    k.addend = arrays.take("addend", addend, total, False)
    k.gamma = arrays.take("gamma", gamma, k.channels, False)
    k.beta = arrays.take("beta", beta, k.channels, False)
    k.mean = arrays.take("mean", mean, k.channels, train)
    k.rest = arrays.take("rest", rest, k.channels, train)
    k.inverse_std = arrays.take("inverse_std", inverse_std, k.channels, train)
    k.variance = arrays.take("variance", variance, k.channels, True) if train else NULL
    k.eps, k.train, k.relu = eps, train, relu
    if total:
        run_norm(table.batch_norm_forward[arrays.is_double], &k)


def batch_norm_backward(dy, x, dx, gamma, beta, mean, inverse_std, dgamma, dbeta, bint train,
                        bint relu, y=None, dsum=None, rest=None):
    """dx (or None), dgamma, dbeta of batch_norm_forward with the same arguments; dx may be dy.

    With relu, what ReLU stopped is found again from x: its output is not needed.  Where an addend
    stood before ReLU, relu is False and y is that output: dsum, the gradient of the addend and of
    the normalised x, is written first, dy where y is positive (or NaN), else 0."""
    cdef Arrays arrays = Arrays("batch_norm_backward")
    cdef norm_args k
    cdef Py_ssize_t *shape = arrays.shape("x", x, 3)
    k.images, k.channels, k.size = shape[0], shape[1], shape[2]
    cdef Py_ssize_t total = k.images * k.channels * k.size
    k.dy = arrays.take("dy", dy, total, False)
    k.x = arrays.take("x", x, total, False)
    k.dx = arrays.take("dx", dx, total, True)
    k.gamma = arrays.take("gamma", gamma, k.channels, False)
    k.beta = arrays.take("beta", beta, k.channels, False)
    k.mean = <void *>arrays.take("mean", mean, k.channels, False)
    k.rest = <void *>arrays.take("rest", rest, k.channels, False)
    k.inverse_std = <void *>arrays.take("inverse_std", inverse_std, k.channels, False)
    k.dgamma = arrays.take("dgamma", dgamma, k.channels, True)
    k.dbeta = arrays.take("dbeta", dbeta, k.channels, True)
    if (y is None) != (dsum is None):
        raise ValueError("batch_norm_backward: y and dsum must both be given, or neither")
    k.y = <void *>arrays.take("y", y, total, False)
    k.dsum = arrays.take("dsum", dsum, total, True)
    k.train, k.relu = train, relu
    run_norm(table.batch_norm_backward[arrays.is_double], &k)
