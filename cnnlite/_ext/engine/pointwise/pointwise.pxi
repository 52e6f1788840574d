# Bindings of the element-wise kernels (pointwise.h, elementary.h, gelu.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.


cdef extern from "engine/pointwise/args.h" nogil:
    ctypedef struct map_args:
        const void *a
        const void *b
        void *out
        Py_ssize_t size
        post_ops post
    ctypedef struct sgd_args:
        void *param
        void *velocity
        const void *grad
        Py_ssize_t size
        double lr, momentum, weight_decay
        int nesterov


cdef int run_map(str kernel, str a_name, a, str b_name, b, str out_name, out,
                 post=None) except -1:
    """Run a kernel that computes out = f(a, b), or f(a) where b is None, then what `post` says."""
    cdef map_args k
    cdef Call call = Call(kernel)
    k.a = call.take(a_name, a, -1, False)
    k.size = call.length(a)
    k.b = call.take(b_name, b, k.size, False)
    k.out = call.take(out_name, out, k.size, True)
    if post is not None:
        call.follow(&k.post, post, None, 0)
    return call.run(&k, sizeof(k), k.size)


def relu_forward(x, y):
    """Compute y = max(0, x), of any shape; NaN stays NaN."""
    run_map("relu_forward", "x", x, "", None, "y", y)


def relu_backward(dy, y, dx):
    """Compute dx = dy where y, the output of ReLU, is not 0, else 0; dx may be dy."""
    run_map("relu_backward", "dy", dy, "y", y, "dx", dx)


def gelu_forward(x, y):
    """Compute y = x Phi(x), of any shape."""
    run_map("gelu_forward", "x", x, "", None, "y", y)


def gelu_backward(dy, x, dx):
    """Compute dx = dy (Phi(x) + x phi(x)); dx may be dy."""
    run_map("gelu_backward", "dy", dy, "x", x, "dx", dx)


def exp(x, y):
    """Compute y = e to the power of x, of any shape; y may be x."""
    run_map("exp", "x", x, "", None, "y", y)


def expm1(x, y):
    """Compute y = e to the power of x, less 1, of any shape; y may be x."""
    run_map("expm1", "x", x, "", None, "y", y)


def log(x, y):
    """Compute y = the natural logarithm of x, of any shape; y may be x."""
    run_map("log", "x", x, "", None, "y", y)


def log1p(x, y):
    """Compute y = the natural logarithm of 1 + x, of any shape; y may be x."""
    run_map("log1p", "x", x, "", None, "y", y)


def tanh(x, y):
    """Compute y = the hyperbolic tangent of x, of any shape; y may be x."""
    run_map("tanh", "x", x, "", None, "y", y)


def add(a, b, y, post=NO_POST_OPS):
    """Compute y = a + b, then ReLU if `post` has it; y may be a or b."""
    run_map("add", "a", a, "b", b, "y", y, post)


def sgd_step(param, grad, velocity, double lr, double momentum, double weight_decay,
             bint nesterov):
    """Update param, and velocity unless None, in place by one step of torch.optim.SGD."""
    cdef sgd_args k
    cdef Call call = Call("sgd_step")
    k.param = call.take("param", param, -1, True)
    k.size = call.length(param)
    k.grad = call.take("grad", grad, k.size, False)
    k.velocity = call.take("velocity", velocity, k.size, True)
    k.lr, k.momentum, k.weight_decay = lr, momentum, weight_decay
    k.nesterov = nesterov
    call.run(&k, sizeof(k), k.size)
