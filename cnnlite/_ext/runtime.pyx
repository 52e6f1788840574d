"""What the kernels were built with and run on, and their threads.

The parallel loop is in C (runtime/parallel.h).  The engine's kernels cut their own pieces and call
it by run_pieces; kernels that are written in Cython call run_items.
"""

import os
import threading

from cpython.exc cimport PyErr_CheckSignals

from cnnlite.environment import MOST_THREADS

cdef extern from "Python.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef extern from *:
    """
    #define CNNLITE_TEXT_(x) #x
    #define CNNLITE_TEXT(x) CNNLITE_TEXT_(x)
    #if defined(__clang__)
      #define CNNLITE_COMPILER __VERSION__
    #elif defined(__GNUC__)
      #define CNNLITE_COMPILER "GCC " __VERSION__
    #elif defined(_MSC_VER)
      #define CNNLITE_COMPILER "MSVC " CNNLITE_TEXT(_MSC_VER)
    #else
      #define CNNLITE_COMPILER "unknown"
    #endif
    """
    const char* CNNLITE_COMPILER

cdef extern from "runtime/parallel.h" nogil:
    void parallel(Py_ssize_t pieces, int threads, piece_body body, void *context) noexcept
    int (*parallel_signalled)() except -1
    int parallel_finish() except -1
    bint parallel_threaded()
    void parallel_forked()
    bint parallel_sharing()

cdef enum:
    WORTH_A_THREAD = 64 * 1024
    PIECE = 16 * 1024        # elements; a signal is answered between two pieces

# With fewer elements a kernel stays on one thread: moving the results of several threads that do
# not share a cache would take longer.  Each thread gets at least half as many: to wake one takes
# microseconds.
cdef Py_ssize_t worth_a_thread = WORTH_A_THREAD

cdef int num_threads = 1
cdef bint forked = False
cdef unsigned long main_thread = threading.main_thread().ident


cdef int threads_for(Py_ssize_t elements) noexcept nogil:
    """Return how many threads to use for that much work; the result never depends on it."""
    if elements < worth_a_thread:
        return 1
    return <int> min(num_threads, max(2, elements // (worth_a_thread // 2 + 1)))


cdef void run_pieces(
    Py_ssize_t pieces, int threads, piece_body body, void *context
) noexcept nogil:
    """Call body(context, piece, thread) for each piece; end_kernel is to be called afterwards."""
    parallel(pieces, threads, body, context)


cdef int end_kernel() except -1 nogil:
    """Raise what a signal's handler raised while the kernel ran: KeyboardInterrupt after Ctrl-C."""
    return parallel_finish()


cdef struct Items:
    item_body body
    void *context
    Py_ssize_t items
    Py_ssize_t pieces


cdef void run_group(void *context, Py_ssize_t piece, int thread) noexcept nogil:
    """Do the items of one piece, which are neighbours."""
    cdef Items *group = <Items *> context
    cdef Py_ssize_t item
    for item in range(
        group.items * piece // group.pieces, group.items * (piece + 1) // group.pieces
    ):
        group.body(group.context, item)


cdef int run_items(
    Py_ssize_t items, Py_ssize_t elements, item_body body, void *context
) except -1 nogil:
    """Call body(context, item) for each item; they have `elements` elements of work together."""
    cdef Items group
    group.body = body
    group.context = context
    group.items = items
    group.pieces = min(items, elements // PIECE + 1)
    run_pieces(group.pieces, threads_for(elements), run_group, &group)
    return end_kernel()


cdef int answer_signals() except -1 nogil:
    """Run the handlers of signals that wait: after Ctrl-C, KeyboardInterrupt is raised here.

    They run in the main thread only.  Other threads must not ask for the GIL before the kernel is
    done: if the program has ended, a daemon thread that asks never returns, or crashes.
    """
    cdef bint sharing = parallel_sharing(), was_forked
    if PyThread_get_thread_ident() != main_thread:
        return 0
    with gil:
        was_forked = forked
        PyErr_CheckSignals()
        if sharing and forked and not was_forked:
            raise RuntimeError(
                "the process was forked by a signal's handler while a kernel ran: the child does "
                "not have the parts of the result that other threads were working on"
            )
    return 0


parallel_signalled = answer_signals


def set_num_threads(int n):
    """Use n threads in the kernels from now on."""
    global num_threads
    if n < 1 or n > MOST_THREADS:
        raise ValueError(f"set_num_threads: n is {n}, expected 1 to {MOST_THREADS}")
    num_threads = n if parallel_threaded() and not forked else 1


def set_worth_a_thread(Py_ssize_t elements=WORTH_A_THREAD):
    """Use several threads from so many elements on; for tests, whose arrays are small."""
    global worth_a_thread
    worth_a_thread = elements


def get_num_threads():
    """Return the number of threads that the kernels use: 1 in a serial build, and after a fork."""
    return num_threads


def multithreaded():
    """Return whether the kernels were built for several threads."""
    return bool(parallel_threaded())


def compiler():
    """Return the name and version of the compiler that built the kernels."""
    return CNNLITE_COMPILER.decode()


def stay_on_one_thread():
    """Use one thread from now on: in a child process, where the parent's threads do not exist."""
    global num_threads, forked, main_thread
    num_threads = 1
    forked = True
    main_thread = PyThread_get_thread_ident()
    parallel_forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=stay_on_one_thread)
