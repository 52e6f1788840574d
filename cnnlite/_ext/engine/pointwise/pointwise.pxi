# Bindings of the element-wise kernels (pointwise.h, gelu.h).  Included by engine.pyx.
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
        double lr
        double momentum
        double weight_decay
        int nesterov


def relu_forward(x, y):
    """Compute y = max(0, x), of any shape; NaN stays NaN."""
    cdef map_args k
    cdef Call call = Call("relu_forward")
    k.a = call.take("x", x, -1, False)
    k.size = call.length(x)
    k.out = call.take("y", y, k.size, True)
    call.run(&k, k.size)


def relu_backward(dy, y, dx):
    """Compute dx = dy where y, the output of ReLU, is not 0, else 0; dx may be dy."""
    cdef map_args k
    cdef Call call = Call("relu_backward")
    k.a = call.take("dy", dy, -1, False)
    k.size = call.length(dy)
    k.b = call.take("y", y, k.size, False)
    k.out = call.take("dx", dx, k.size, True)
    call.run(&k, k.size)


def gelu_forward(x, y):
    """Compute y = x Phi(x), of any shape."""
    cdef map_args k
    cdef Call call = Call("gelu_forward")
    k.a = call.take("x", x, -1, False)
    k.size = call.length(x)
    k.out = call.take("y", y, k.size, True)
    call.run(&k, k.size)


def gelu_backward(dy, x, dx):
    """Compute dx = dy (Phi(x) + x phi(x)); dx may be dy."""
    cdef map_args k
    cdef Call call = Call("gelu_backward")
    k.a = call.take("dy", dy, -1, False)
    k.size = call.length(dy)
    k.b = call.take("x", x, k.size, False)
    k.out = call.take("dx", dx, k.size, True)
    call.run(&k, k.size)


def add(a, b, y, post=NO_POST_OPS):
    """Compute y = a + b, then ReLU if `post` has it; y may be a or b."""
    cdef map_args k
    cdef Call call = Call("add")
    k.a = call.take("a", a, -1, False)
    k.size = call.length(a)
    k.b = call.take("b", b, k.size, False)
    k.out = call.take("y", y, k.size, True)
    call.follow(&k.post, post, None, 0)
    call.run(&k, k.size)


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
    call.run(&k, k.size)
