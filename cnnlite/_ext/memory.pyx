"""Memory for arrays that is used again when they die.

A training step allocates the same activations and gradients every time.  Memory that goes back to
the operating system costs a page fault for each of its pages when it is asked for again; kept, it
costs nothing.  So a dead array's memory waits here, by size, for the next array of that size.

An array keeps its Block alive, and every view of it keeps the array or the Block alive; when the
last one is gone, the Block returns its memory.  Nothing is given back earlier, and never by step.

Each function holds the GIL, which is the lock of all that follows; it also makes a fork safe.
"""

import os
from math import prod

from cpython.buffer cimport PyBuffer_FillInfo
import numpy as np

cdef extern from *:
    """
    #include <stdlib.h>
    #if defined(_WIN32)
      #include <malloc.h>
      #define cnnlite_allocate(size) _aligned_malloc((size), 64)
      #define cnnlite_free(pointer) _aligned_free(pointer)
    #else
      static void* cnnlite_allocate(size_t size) {
          void* pointer = NULL;
          return posix_memalign(&pointer, 64, size) ? NULL : pointer;
      }
      #define cnnlite_free(pointer) free(pointer)
    #endif
    """
    void* cnnlite_allocate(size_t size) nogil
    void cnnlite_free(void* pointer) nogil

cdef enum:
    POOLED_FROM = 32 * 1024  # bytes; below, the C library is faster
    SMALLEST = 64            # bytes, a cache line
    STEPS = 8                # size classes between two powers of two: at most 1/8 is wasted
    CLASSES = STEPS * 64

cdef Py_ssize_t MOST = <Py_ssize_t> 1 << (8 * sizeof(Py_ssize_t) - 3)

cdef struct Free:
    # Written into waiting memory itself: a list of one size class, newest first.
    Free* newer
    Free* older
    Py_ssize_t size
    unsigned long long since

cdef Free* newest[CLASSES]
cdef Free* oldest[CLASSES]
cdef unsigned long long releases = 0
cdef Py_ssize_t held = 0
cdef Py_ssize_t in_use = 0
cdef Py_ssize_t allocations = 0
cdef Py_ssize_t hits = 0
cdef Py_ssize_t limit = 0


cdef class Block:
    """Memory of at least the size asked for; the buffer protocol lends it to an array.

    When it dies its memory goes to the pool or, if not `pooled`, back to the system.
    """

    cdef void* memory
    cdef Py_ssize_t length
    cdef Py_ssize_t size
    cdef bint pooled

    def __cinit__(self, Py_ssize_t length, bint pooled=True):
        global in_use
        self.pooled = pooled
        self.length = length
        self.size = class_size(max(length, SMALLEST))
        self.memory = take(self.size)
        in_use += self.size

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.memory, self.length, False, flags)

    def __dealloc__(self):
        global in_use
        if self.memory != NULL:
            in_use -= self.size
            if self.pooled:
                give(self.memory, self.size)
            else:
                cnnlite_free(self.memory)


def empty(shape, dtype):
    """Return an uninitialised C-contiguous array of that shape and dtype.

    From 32 KiB up it begins at a multiple of 64 bytes and its memory comes from the pool.
    """
    dtype = np.dtype(dtype)
    cdef object count = prod(shape) if isinstance(shape, (tuple, list)) else shape
    cdef object size = count * dtype.itemsize
    if size < POOLED_FROM or size > MOST or dtype.hasobject:
        return np.empty(shape, dtype)  # which also raises what has to be raised
    return np.ndarray(shape, dtype, Block(size))


def stats():
    """Return the pool's figures.

    Returns:
        A dict: "held" and "in_use" (bytes waiting, bytes lent), "limit" (bytes that may wait),
        "allocations" (blocks asked from the system so far) and "hits" (blocks used again).
    """
    return {
        "held": held, "in_use": in_use, "limit": limit, "allocations": allocations, "hits": hits,
    }


def set_limit(Py_ssize_t nbytes):
    """Let at most that many bytes wait in the pool; 0 turns it off."""
    global limit
    if nbytes < 0:
        raise ValueError(f"set_limit: nbytes is {nbytes}, expected at least 0")
    limit = nbytes
    trim(nbytes)


def trim(Py_ssize_t keep=0):
    """Give waiting memory back to the system, the longest unused first, until `keep` bytes wait."""
    while held > keep:
        discard_oldest()


cdef int class_index(Py_ssize_t length) noexcept:
    """Return the number of the smallest size class that holds so many bytes."""
    cdef int power = 0
    while (length - 1) >> (power + 1):
        power += 1
    # 2**power < length <= 2**(power + 1): which of its STEPS parts?
    return power * STEPS + <int> ((length - 1 - (<Py_ssize_t> 1 << power)) * STEPS >> power)


cdef Py_ssize_t class_size(Py_ssize_t length) noexcept:
    """Return the bytes of that size class."""
    cdef int index = class_index(length)
    cdef Py_ssize_t power = <Py_ssize_t> 1 << (index // STEPS)
    return power + power // STEPS * (index % STEPS + 1)


cdef void* take(Py_ssize_t size) except NULL:
    """Return memory of a size class: the one that was given back last, or new."""
    global held, hits, allocations
    cdef Free* block = newest[class_index(size)]
    if block != NULL:
        unlink(block)
        hits += 1
        return block
    cdef void* memory = cnnlite_allocate(size)
    if memory == NULL and held:  # what waits may be what is missing
        trim()
        memory = cnnlite_allocate(size)
    if memory == NULL:
        raise MemoryError(f"cnnlite: cannot allocate {size} bytes")
    allocations += 1
    return memory


cdef void give(void* memory, Py_ssize_t size) noexcept:
    """Take memory back, and keep it if the limit allows."""
    global held, releases
    if size > limit:
        cnnlite_free(memory)
        return
    cdef int index = class_index(size)
    cdef Free* block = <Free*> memory
    releases += 1
    block.since = releases
    block.size = size
    block.newer = NULL
    block.older = newest[index]
    if block.older != NULL:
        block.older.newer = block
    else:
        oldest[index] = block
    newest[index] = block
    held += size
    while held > limit:
        discard_oldest()


cdef void unlink(Free* block) noexcept:
    """Take a waiting block out of its list."""
    global held
    cdef int index = class_index(block.size)
    if block.newer != NULL:
        block.newer.older = block.older
    else:
        newest[index] = block.older
    if block.older != NULL:
        block.older.newer = block.newer
    else:
        oldest[index] = block.newer
    held -= block.size


cdef void discard_oldest() noexcept:
    """Give the block that has waited longest back to the system."""
    cdef Free* stalest = NULL
    cdef int index
    for index in range(CLASSES):
        if oldest[index] != NULL and (stalest == NULL or oldest[index].since < stalest.since):
            stalest = oldest[index]
    unlink(stalest)
    cnnlite_free(stalest)


def _limit_from_environment():
    """Return CNNLITE_POOL_LIMIT, in MiB there; 2 GiB without it."""
    text = os.environ.get("CNNLITE_POOL_LIMIT") or "2048"
    try:
        mebibytes = int(text)
    except ValueError:
        mebibytes = -1
    if mebibytes < 0:
        raise ValueError(f"CNNLITE_POOL_LIMIT is {text!r}, expected a number of MiB of at least 0")
    return min(mebibytes, 1 << 40 if sizeof(Py_ssize_t) > 4 else 1 << 10) << 20


set_limit(_limit_from_environment())
