"""What the kernels were built with and run on, and how many threads they use."""

import os

from cpython.exc cimport PyErr_CheckSignals

from cnnlite._cpus import MOST_THREADS

cdef extern from *:
    """
    #if defined(_OPENMP)
      #define CNNLITE_OPENMP 1
    #else
      #define CNNLITE_OPENMP 0
    #endif

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
    const bint CNNLITE_OPENMP
    const char* CNNLITE_COMPILER

cdef enum:
    # Below this many elements a kernel is done before the other threads have woken up.
    WORTH_A_THREAD = 16 * 1024
    # About a tenth of a second on one thread: a kernel that has more to do answers signals.
    LONGEST_TURN = 64 * 1024 * 1024

cdef int num_threads = 1
cdef bint forked = False


cdef int threads_for(Py_ssize_t elements) noexcept nogil:
    """Return how many threads to use for that much work; the result never depends on it."""
    return num_threads if elements >= WORTH_A_THREAD else 1


cdef Py_ssize_t turns_for(Py_ssize_t elements) noexcept nogil:
    """Return in how many turns to do that much work, with answer_signals between them."""
    return elements // LONGEST_TURN + 1


cdef int answer_signals() except -1 nogil:
    """Run the handlers of signals that wait: after Ctrl-C, KeyboardInterrupt is raised here."""
    with gil:
        PyErr_CheckSignals()
    return 0


def set_num_threads(int n):
    """Use n threads in the kernels from now on."""
    global num_threads
    if n < 1 or n > MOST_THREADS:
        raise ValueError(f"set_num_threads: n is {n}, expected 1 to {MOST_THREADS}")
    num_threads = n if CNNLITE_OPENMP and not forked else 1


def get_num_threads():
    """Return the number of threads that the kernels use: 1 without OpenMP, and after a fork."""
    return num_threads


def openmp():
    """Return whether the kernels were built with OpenMP."""
    return bool(CNNLITE_OPENMP)


def compiler():
    """Return the name and version of the compiler that built the kernels."""
    return CNNLITE_COMPILER.decode()


def stay_on_one_thread():
    """Use one thread from now on: in a child process, where the parent's threads do not exist.

    GCC's OpenMP waits for them for ever.
    """
    global num_threads, forked
    num_threads = 1
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=stay_on_one_thread)
