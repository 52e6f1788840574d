"""The engine: convolution, products and what surrounds them, in C for each instruction set.

The kernels are C headers in the folder engine/, compiled once for every instruction set.  The best
one that the machine can run is chosen when this module is loaded, or the one that the environment
variable CNNLITE_ISA names ("baseline", "avx2", "avx512").  What is here only checks arguments and
calls them.
"""

import os

from cnnlite._ext import memory
from cnnlite._ext.memory cimport Block, pool_is_on
from cnnlite._ext.runtime cimport end_kernel, piece_body, run_pieces, threads_for

from libc.string cimport memset

include "engine_buffers.pxi"


cdef extern from "engine/product_args.h" nogil:
    ctypedef struct product:
        Py_ssize_t m, n, depth, a_row, a_step
        const void *a
        const void *b
        const void *bias
        void *c
        int b_transposed, relu

cdef extern from "engine/pointwise_args.h" nogil:
    ctypedef struct norm_args:
        const void *dy
        const void *x
        const void *addend
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
        double eps
        Py_ssize_t images
        Py_ssize_t channels
        Py_ssize_t size
        int train
        int relu

cdef extern from "engine/engine.h" nogil:
    ctypedef struct conv_shape:
        Py_ssize_t n, c, h, w, f, kh, kw, oh, ow
        Py_ssize_t stride_h, stride_w, top, left, dilation_h, dilation_w, groups
    ctypedef struct conv_source:
        const void *data
        const void *relu_y
        const uint8_t *argmax
    ctypedef void parallel_loop(
        Py_ssize_t pieces, int threads, piece_body body, void *context) noexcept
    parallel_loop *engine_parallel
    ctypedef struct workspace:
        int threads
        char *shared
        char **own
        size_t shared_bytes, own_bytes
    ctypedef void (*conv_forward_kernel)(
        const conv_shape *shape, const void *x, const void *weight, const void *bias, void *y,
        uint8_t *argmax, int relu, workspace *work)
    ctypedef void (*conv_gradient_kernel)(
        const conv_shape *shape, const void *dy, const void *weight, void *dx, workspace *work)
    ctypedef void (*winograd_kernel)(const void *args, workspace *work)
    ctypedef void (*conv_weight_kernel)(
        const conv_shape *shape, const void *x, conv_source dy, void *dweight, void *dbias,
        workspace *work)
    ctypedef void (*norm_kernel)(norm_args *norm, workspace *work)
    ctypedef void (*product_kernel)(product *product, workspace *work)
    ctypedef struct engine_table:
        const char *name
        int lanes[2]
        int mr, nv
        piece_body *relu_forward
        piece_body *relu_backward
        piece_body *gelu_forward
        piece_body *gelu_backward
        piece_body *add
        piece_body *sgd_step
        piece_body *max_pool2x2_forward
        piece_body *max_pool2x2_backward
        norm_kernel *batch_norm_forward
        norm_kernel *batch_norm_backward
        conv_forward_kernel *conv_forward
        conv_gradient_kernel *conv_input_gradient
        conv_weight_kernel *conv_weight_gradient
        product_kernel *multiply
        piece_body *sum_rows
        winograd_kernel *winograd_forward
        winograd_kernel *winograd_gradient
    const engine_table *engine_find(const char *name)

engine_parallel = run_pieces

cdef const engine_table *table = NULL


cdef int choose(str wanted) except -1:
    """Set `table` to the instruction set asked for, or to the best there is."""
    global table
    for name in [wanted] if wanted else ["avx512", "avx2", "baseline"]:
        table = engine_find(name.encode())
        if table != NULL:
            return 0
    raise ImportError(
        f"CNNLITE_ISA is {wanted!r}: this machine or this build has no such instruction set "
        "(expected baseline, avx2 or avx512, or none to take the best)"
    )


choose(os.environ.get("CNNLITE_ISA", ""))


def instruction_set():
    """Return the name of the instruction set whose kernels run: "baseline", "avx2" or "avx512"."""
    return table.name.decode()


include "engine_workspace.pxi"
include "engine_pointwise.pxi"
include "engine_conv.pxi"
include "engine_linear.pxi"
include "engine_winograd.pxi"
