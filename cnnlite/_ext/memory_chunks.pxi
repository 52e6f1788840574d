# The list of chunks, the parts that the pool's segments are cut into.  The chunks of a segment
# stand together in the order of their addresses, so neighbours in the list are neighbours in
# memory.  memory.pyx includes this file, as nothing else uses it: a module of its own would cost
# 70 kB and an indirect call for each function.

from libc.stdlib cimport free, malloc

cdef struct Chunk:
    char* start
    Py_ssize_t size
    Chunk* before
    Chunk* after
    char* segment      # where it begins
    bint free
    bint waiting       # free, and with memory that is held for the next array

cdef Chunk* first = NULL
cdef Chunk* last = NULL


cdef bint alike(Chunk* chunk, Chunk* after) noexcept:
    """Return whether two neighbours could be one: free, in one segment, both waiting or neither."""
    return (chunk != NULL and after != NULL and chunk.segment == after.segment
            and chunk.free and after.free and chunk.waiting == after.waiting)


cdef void join(Chunk* chunk) noexcept:
    """Merge a free chunk with its neighbours that are alike."""
    if alike(chunk, chunk.after):
        absorb(chunk)
    if alike(chunk.before, chunk):
        absorb(chunk.before)


cdef bint split(Chunk* chunk, Py_ssize_t size) noexcept:
    """End a chunk after that many bytes, and begin a new one that is alike there.

    Return False, and change nothing, if there is no memory.
    """
    cdef Chunk* rest = insert(chunk)
    if rest == NULL:
        return False
    rest.start, rest.size = chunk.start + size, chunk.size - size
    rest.segment, rest.free, rest.waiting = chunk.segment, chunk.free, chunk.waiting
    chunk.size = size
    return True


cdef void absorb(Chunk* chunk) noexcept:
    """Merge the next chunk into this one."""
    chunk.size += chunk.after.size
    remove(chunk.after)


cdef Chunk* insert(Chunk* before) noexcept:
    """Put a new chunk into the list after `before`; return NULL if there is no memory."""
    global first, last
    cdef Chunk* chunk = <Chunk*> malloc(sizeof(Chunk))
    if chunk == NULL:
        return NULL
    chunk.before = before
    chunk.after = first if before == NULL else before.after
    if chunk.before != NULL:
        chunk.before.after = chunk
    else:
        first = chunk
    if chunk.after != NULL:
        chunk.after.before = chunk
    else:
        last = chunk
    return chunk


cdef void remove(Chunk* chunk) noexcept:
    """Take a chunk out of the list."""
    global first, last
    if chunk.before != NULL:
        chunk.before.after = chunk.after
    else:
        first = chunk.after
    if chunk.after != NULL:
        chunk.after.before = chunk.before
    else:
        last = chunk.before
    free(chunk)
