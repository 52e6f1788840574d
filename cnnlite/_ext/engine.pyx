"""The engine: convolution, products and what surrounds them, in C for each instruction set.

The kernels are C headers in the folder engine/, compiled once for every instruction set.  When
this module is loaded, it chooses the best instruction set that the machine can run, or the one
that the environment variable CNNLITE_ISA names ("baseline", "neon", "avx2", "avx512").  The
bindings only check arguments: each takes its arrays by a `Call`, fills in the struct of its
kernel's arguments, and runs the kernel.
"""

from cnnlite._ext import memory
from cnnlite._ext.memory cimport Block, pool_is_on
from cnnlite._ext.runtime cimport end_kernel, piece_body, run_pieces, threads_for
from cnnlite import environment
from cnnlite.post_ops import NO_POST_OPS, NOTHING_KEPT  # no-cython-lint: the bindings use it

from libc.stdint cimport uint8_t
from libc.string cimport memset          # no-cython-lint: they do, too


cdef extern from "engine/engine.h" nogil:
    ctypedef void parallel_loop(
        Py_ssize_t pieces, int threads, piece_body body, void *context) noexcept
    parallel_loop *engine_parallel
    ctypedef struct workspace:
        int threads, ready, prepared, prepare_only
        char *shared
        char **own
        char *kept
        size_t shared_bytes, own_bytes, kept_bytes
    ctypedef struct post_ops:
        const void *addend
        uint8_t *argmax
        int relu
    ctypedef void (*engine_kernel)(void *args, workspace *work)
    ctypedef const engine_kernel kernel_pair[2]
    ctypedef struct engine_table:
        const char *name
        int lanes[2]
        int mr, nv, fused, pairs
        kernel_pair *kernels
    const engine_table *engine_find(const char *name)
    int engine_has_pairs
    const char **engine_names

engine_parallel = run_pieces

cdef const engine_table *table = NULL
cdef dict kernel_number = {}               # by name, in the table


cdef int choose(str wanted) except -1:
    """Set `table` to the instruction set asked for, or to the best there is."""
    global table
    for name in [wanted] if wanted else environment.INSTRUCTION_SETS:
        table = engine_find(name.encode())
        if table != NULL:
            break
    else:
        raise ImportError(
            f"CNNLITE_ISA is {wanted!r}: this machine or this build has no such instruction set "
            f"(expected {environment.ISA.expected}, or none to take the best)"
        )
    cdef int number = 0
    while engine_names[number] != NULL:
        kernel_number[engine_names[number].decode()] = number
        number += 1
    return 0


choose(environment.ISA.value())


def instruction_set():
    """Return the instruction set whose kernels run: "baseline", "neon", "avx2" or "avx512"."""
    return table.name.decode()


def fused_multiply_add():
    """Return whether a product and a sum are rounded once: with all sets but "baseline".

    Machines that do so give the same bits, and so do those that do not, among themselves.
    """
    return table.fused != 0


def paired_products():
    """Return whether two products of bfloat16 numbers are one instruction: with AVX512_BF16.

    Elsewhere numbers are rounded to bfloat16 and multiplied in float32, with the same bits."""
    return table.pairs != 0 and engine_has_pairs != 0


# Included, not cimported: these files share one Call and one table, and a compiled module for each
# family would add about 150 kB.
include "engine/workspace.pxi"
include "engine/call.pxi"
include "engine/places.pxi"
include "engine/recording.pxi"
include "bindings.pxi"                     # every family's, by setup.py from kernel_list.py
