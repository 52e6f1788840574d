# Bindings of batch normalisation (batch_norm.h, gradient.h).  Included by engine.pyx.
# Arrays are C-contiguous and of one dtype, float32 or float64; outputs are given and filled in.


cdef extern from "engine/norm/args.h" nogil:
    ctypedef struct norm_args:
        const void *dy
        const void *x
        const void *gamma
        const void *beta
        void *y
        void *dx
        void *dsum
        void *mean
        void *rest
        void *inverse_std
        void *variance
        void *dgamma
        void *dbeta
        void *running_mean
        void *running_var
        double eps, momentum
        Py_ssize_t images, channels, size
        int train
        post_ops post


def batch_norm_forward(x, y, gamma, beta, mean, inverse_std, variance, double eps, bint train,
                       post=NO_POST_OPS, rest=None, running_mean=None, running_var=None,
                       double momentum=0):
    """Compute y = (x - mean - rest) inverse_std gamma + beta, then the addend and ReLU of `post`.

    x is (N, C, size).  With train, mean, inverse_std and variance (biased), each (C,), are computed
    from x and written, and so is rest, unless None: what rounding took off the mean.  The running
    statistics, unless None, then move by momentum.  Without train, the first two and rest are
    written from the running statistics; where these are None, they are read (rest None: 0).
    y may be x or the addend."""
    cdef norm_args k
    cdef Call call = Call("batch_norm_forward")
    cdef Py_ssize_t *shape = call.shape("x", x, 3)
    k.images, k.channels, k.size = shape[0], shape[1], shape[2]
    cdef Py_ssize_t total = k.images * k.channels * k.size
    k.x = call.take("x", x, total, False)
    k.y = call.take("y", y, total, True)
    k.gamma = call.take("gamma", gamma, k.channels, False)
    k.beta = call.take("beta", beta, k.channels, False)
    cdef bint written = train or running_mean is not None
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm_forward: one running statistic is missing")
    k.mean = call.take("mean", mean, k.channels, written)
    k.rest = call.take("rest", rest, k.channels, written)
    k.inverse_std = call.take("inverse_std", inverse_std, k.channels, written)
    k.variance = call.take("variance", variance, k.channels, True) if train else NULL
    k.running_mean = call.take("running_mean", running_mean, k.channels, train)
    k.running_var = call.take("running_var", running_var, k.channels, train)
    k.eps, k.momentum, k.train = eps, momentum, train
    call.follow(&k.post, post, None, total)
    if total or not train:
        call.run(&k, sizeof(k), total)


def batch_norm_backward(dy, x, dx, gamma, beta, mean, inverse_std, dgamma, dbeta, bint train,
                        kept=NOTHING_KEPT, dsum=None, rest=None):
    """Compute dx (or None), dgamma, dbeta of batch_norm_forward; dx may be dy.

    What a ReLU stopped is found again from x, unless an addend stood before it: then kept.values is
    its output, and dsum, the gradient of the addend and of the normalised x, is written first: dy
    where that output is positive (or NaN), else 0."""
    cdef norm_args k
    cdef Call call = Call("batch_norm_backward")
    cdef Py_ssize_t *shape = call.shape("x", x, 3)
    k.images, k.channels, k.size = shape[0], shape[1], shape[2]
    cdef Py_ssize_t total = k.images * k.channels * k.size
    activation, y, _ = kept
    if (y is None) != (dsum is None):
        raise ValueError("batch_norm_backward: kept.values and dsum must both be given, or neither")
    k.dy = call.take("dy", dy, total, False)
    k.x = call.take("x", x, total, False)
    k.dx = call.take("dx", dx, total, True)
    k.gamma = call.take("gamma", gamma, k.channels, False)
    k.beta = call.take("beta", beta, k.channels, False)
    k.mean = <void *>call.take("mean", mean, k.channels, False)
    k.rest = <void *>call.take("rest", rest, k.channels, False)
    k.inverse_std = <void *>call.take("inverse_std", inverse_std, k.channels, False)
    k.dgamma = call.take("dgamma", dgamma, k.channels, True)
    k.dbeta = call.take("dbeta", dbeta, k.channels, True)
    k.y = <void *>call.take("y", y, total, False)
    k.dsum = call.take("dsum", dsum, total, True)
    k.train, k.post.relu = train, activation == "relu" and y is None
    call.run(&k, sizeof(k), total)
