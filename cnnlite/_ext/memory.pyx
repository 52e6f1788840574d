"""Memory for arrays that is used again when they die.

A training step allocates the same activations and gradients every time.  Memory that goes back to
the operating system costs a page fault for each of its pages when it is used again; memory that is
kept costs nothing.  So arrays are cut from large segments, and a dead array's chunk waits for the
next array, joined with the free chunks beside it: the small gradients of the late layers and the
large ones of the first layers lie in the same memory, one after the other.

An array keeps its Block alive, and every view of it keeps the array or the Block alive; when the
last one is gone, the Block gives its chunk back.  Nothing is given back earlier, and never by step.

Each function holds the GIL, which is the lock of all that follows; it also makes a fork safe.
"""

from math import prod

from cpython.buffer cimport PyBuffer_FillInfo
import numpy as np

from cnnlite import environment

cdef extern from "memory_system.h" nogil:
    void* system_allocate(size_t size)
    void system_free(void* pointer)
    void system_release(char* start, size_t size)
    size_t system_page()

cdef enum:
    POOLED_FROM = 32 * 1024  # bytes; below, the C library is faster
    LINE = 64                # bytes of a cache line: chunks begin with one
    SEGMENT = 256 << 20      # bytes; what is never written takes no memory

cdef Py_ssize_t MOST = <Py_ssize_t> 1 << (8 * sizeof(Py_ssize_t) - 3)

include "memory_chunks.pxi"

cdef object numpy_dtype = np.dtype, numpy_empty = np.empty  # found without looking in modules

cdef Py_ssize_t held = 0
cdef Py_ssize_t in_use = 0
cdef Py_ssize_t peak = 0
cdef Py_ssize_t allocations = 0
cdef Py_ssize_t hits = 0
cdef Py_ssize_t limit = 0


cdef class Block:
    """Memory of the size asked for; the buffer protocol lends it to an array.

    What is kept for good is better not `pooled`: it would divide the chunks of the pool.
    """

    def __cinit__(self, Py_ssize_t length, bint pooled=True):
        global in_use, peak, allocations
        if not 0 <= length <= MOST:
            raise MemoryError(f"cnnlite: cannot allocate {length} bytes")
        self.length = length
        self.size = (max(length, 1) + LINE - 1) // LINE * LINE
        if limit and pooled:
            self.chunk = take(self.size)
            self.memory, self.size = self.chunk.start, self.chunk.size
        else:
            self.memory = system_allocate(self.size)
            if self.memory == NULL:
                trim()  # waiting chunks may be all that is left
                self.memory = system_allocate(self.size)
            if self.memory == NULL:
                raise MemoryError(f"cnnlite: cannot allocate {self.size} bytes")
            allocations += 1
        in_use += self.size
        peak = max(peak, in_use)

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.memory, self.length, False, flags)

    def __dealloc__(self):
        global in_use
        if self.memory == NULL:
            return
        in_use -= self.size
        if self.chunk == NULL:
            system_free(self.memory)
        else:
            give(self.chunk)


def empty(shape, dtype):
    """Return an uninitialised C-contiguous array of that shape and dtype.

    From 32 KiB up it begins at a multiple of 64 bytes and its memory comes from the pool.
    """
    if not isinstance(dtype, numpy_dtype):
        dtype = numpy_dtype(dtype)
    cdef object count = prod(shape) if isinstance(shape, (tuple, list)) else shape
    cdef object size = count * dtype.itemsize
    if size < POOLED_FROM or size > MOST or dtype.hasobject:
        return numpy_empty(shape, dtype)  # which also raises what has to be raised
    return np.ndarray(shape, dtype, Block(size))


def stats():
    """Return the pool's figures.

    Returns:
        A dict: "held" and "in_use" (bytes waiting, bytes lent), "peak" (the most bytes lent since
        `reset_peak`), "limit" (bytes that may wait), "allocations" (how many blocks took memory
        from the system so far) and "hits" (how many found all of theirs waiting).
    """
    return {
        "held": held, "in_use": in_use, "peak": peak, "limit": limit, "allocations": allocations,
        "hits": hits,
    }


def reset_peak():
    """Let the peak begin anew, at what is lent now."""
    global peak
    peak = in_use


cdef bint pool_is_on() noexcept:
    """Return whether memory is kept when its array dies."""
    return limit != 0


def set_limit(Py_ssize_t nbytes):
    """Let at most that many bytes wait in the pool; 0 turns it off."""
    global limit
    if nbytes < 0:
        raise ValueError(f"set_limit: nbytes is {nbytes}, expected at least 0")
    limit = nbytes
    trim(nbytes)


working_memory = []
"""What the kernels' threads keep from call to call (engine/workspace.pxi); `trim` empties it."""


def trim(Py_ssize_t keep=0):
    """Give waiting memory back to the system until at most `keep` bytes wait.

    What kernels keep to work in goes back too.
    """
    working_memory.clear()
    cdef Chunk* chunk = last
    cdef Chunk* before
    keep = max(keep, 0) // LINE * LINE  # chunks begin with a line
    while chunk != NULL and held > keep:
        before = chunk.before
        if chunk.waiting:
            if chunk.size > held - keep and split(chunk, chunk.size - (held - keep)):
                chunk = chunk.after
            release(chunk)
            join(chunk)
        chunk = before
    discard_segments()


cdef Chunk* take(Py_ssize_t size) except NULL:
    """Return a chunk of that size: of free memory where it fits best, or of a new segment."""
    global held, hits, allocations
    cdef Chunk* chunk = best_fit(size)
    if chunk == NULL:
        chunk = new_segment(size)
    cdef Chunk* neighbour = chunk
    cdef Py_ssize_t missing = size
    cdef bint fresh = False
    while True:  # the first of these free neighbours become one chunk
        if neighbour.size > missing:
            split(neighbour, missing)  # without memory for a new Chunk it stays larger
        missing -= neighbour.size
        if neighbour.waiting:
            held -= neighbour.size
        else:
            fresh = True
        if neighbour != chunk:
            absorb(chunk)
        if missing <= 0:
            break
        neighbour = chunk.after
    chunk.free = chunk.waiting = False
    if fresh:
        allocations += 1
    else:
        hits += 1
    return chunk


cdef Chunk* best_fit(Py_ssize_t size) noexcept:
    """Return the first of the free neighbours to cut from; NULL if nowhere is enough room.

    The best are those which need the least new memory from the system and then the smallest.
    """
    cdef Chunk* best = NULL
    cdef Chunk* start = first
    cdef Chunk* chunk
    cdef Py_ssize_t room, fresh, best_room = 0, best_fresh = 0
    while start != NULL:
        chunk, room, fresh = start, 0, 0
        while chunk != NULL and chunk.free and chunk.segment == start.segment:
            if room < size and not chunk.waiting:
                fresh += min(chunk.size, size - room)
            room += chunk.size
            chunk = chunk.after
        if room >= size and (best == NULL or fresh < best_fresh
                             or (fresh == best_fresh and room < best_room)):
            best, best_room, best_fresh = start, room, fresh
        start = start.after
    return best


cdef void give(Chunk* chunk) noexcept:
    """Take a chunk back, and keep its memory if the limit allows."""
    global held
    chunk.free = chunk.waiting = True
    held += chunk.size
    if held > limit:
        release(chunk)
    join(chunk)


cdef void release(Chunk* chunk) noexcept:
    """Give the memory of a waiting chunk back to the system, all whole pages of it.

    A page that it shares with a neighbour goes with the one that is released last.
    """
    global held
    cdef size_t page = system_page()
    cdef char* start = chunk.start
    cdef char* end = start + chunk.size
    chunk.waiting = False
    held -= chunk.size
    if alike(chunk.before, chunk):
        start -= min(chunk.before.size, <Py_ssize_t> page)
    if alike(chunk, chunk.after):
        end += min(chunk.after.size, <Py_ssize_t> page)
    cdef size_t first_page = (<size_t> start + page - 1) // page
    cdef size_t end_page = <size_t> end // page
    if end_page > first_page:
        system_release(<char*> (first_page * page), (end_page - first_page) * page)


cdef Chunk* new_segment(Py_ssize_t size) except NULL:
    """Return the one chunk of a new segment, large enough for that size."""
    cdef Py_ssize_t length = max(size, SEGMENT)
    cdef void* memory = system_allocate(length)
    if memory == NULL:
        trim()  # waiting chunks may be all that is left
        length = size
        memory = system_allocate(length)
    if memory == NULL:
        raise MemoryError(f"cnnlite: cannot allocate {size} bytes")
    cdef Chunk* chunk = insert(last)
    if chunk == NULL:
        system_free(memory)
        raise MemoryError(f"cnnlite: cannot allocate {size} bytes")
    chunk.start = chunk.segment = <char*> memory
    chunk.size = length
    chunk.free, chunk.waiting = True, False
    return chunk


cdef void discard_segments() noexcept:
    """Free the segments in which nothing lives or waits."""
    cdef Chunk* chunk = first
    cdef Chunk* after
    while chunk != NULL:
        after = chunk.after
        if (chunk.free and not chunk.waiting and chunk.start == chunk.segment
                and (after == NULL or after.segment != chunk.segment)):
            system_free(chunk.segment)
            remove(chunk)
        chunk = after


# As many MiB as the environment says, as far as a size can say it.
set_limit(min(environment.POOL_LIMIT.value(), 1 << 40 if sizeof(Py_ssize_t) > 4 else 1 << 10) << 20)
